"""Lines: iteration time against GPUs, scaling efficiency, collective algorithms by size."""

import collections
import math

from .axes import Horizontal, draw_vertical
from .style import MOST_LINES, QUIET, Picture, darker, look, spread
from .table import Fault, label_of, telling
from .units import SHARE, Quantity, quantity

Line = collections.namedtuple("Line", "label rows xs")
# What else tells the rows of `rehearse collective` apart.
SETTINGS = ("algorithm", "protocol", "channels", "chunks", "fidelity", "datatype", "num_nodes")


def differing(rows, columns):
    return [column for column in columns if len({row.cells[column] for row in rows}) > 1]


def lines_of(table, horizontal, by, best):
    """A line for each value of `by`; without it, of the study's axes that tell rows of the same x apart."""
    if best:
        table.need("tokens_per_s")
    elif not by:
        by = telling(table.rows, [axis for axis in table.axes() if axis != horizontal.column], horizontal.at)
    table.need(*by)
    groups = collections.defaultdict(dict)
    for row in table.rows:
        x, line = horizontal.at(row), groups[tuple(row.cells[column] for column in by)]
        if x in line and not best:
            raise Fault(same_place(table, horizontal, line[x], row))
        if x not in line or table.number(row, "tokens_per_s") > table.number(line[x], "tokens_per_s"):
            line[x] = row
    if len(groups) > MOST_LINES:
        raise Fault("%s: %d lines are too many to tell apart (at most %d): choose with --where or --by" %
                    (table.name, len(groups), MOST_LINES))
    return [Line(label_of(next(iter(points.values())), by), [points[x] for x in sorted(points)], sorted(points))
            for points in groups.values()]


def same_place(table, horizontal, one, other):
    what = differing([one, other], table.axes() or [column for column in SETTINGS if column in table.columns])
    return "%s: lines %d and %d have the same %s%s" % (
        table.name, one.line, other.line, horizontal.column,
        " and differ in %s: choose with --where or --by" % ", ".join(what) if what else "")


def draw_lines(picture, lines, ys, joined=True, dots=None):
    """The lines, or if not joined their points; dots: which points of each line are marked (default: all)."""
    for number, (line, y) in enumerate(zip(lines, ys)):
        style = look(number)
        if not joined:
            style.update(linestyle="none")
        if dots is not None:
            style.update(marker="o", markevery=dots[number])
            if not dots[number]:
                style.update(linewidth=1.2, alpha=0.7)
        picture.axes.plot(line.xs, y, zorder=4 - number / len(lines), markeredgecolor="white", markeredgewidth=0.6,
                          clip_on=False, **style)


def name_lines(picture, lines, ys, dots=None):
    """Names to the right of the axes in the order of the lines' ends; those with dots stand out."""
    axes = picture.axes
    axes.margins(x=0.03)
    if len(lines) == 1 and not lines[0].label:
        picture.place(right=36)
        return
    weights = ["bold" if dots and dots[number] else "normal" for number in range(len(lines))]
    widest = max(picture.text_width(line.label, fontsize=9.5, weight=w) for line, w in zip(lines, weights))
    picture.place(right=min(widest + 34, 0.45 * picture.width))
    box = axes.get_window_extent()
    ends = [axes.transData.transform((line.xs[-1], y[-1])) for line, y in zip(lines, ys)]
    places = spread([end[1] for end in ends], 16, box.y0, box.y1)
    rightmost = max(end[0] for end in ends)
    away = any(abs(place - end[1]) > 3 or end[0] < rightmost for end, place in zip(ends, places))
    for number, (line, y, place) in enumerate(zip(lines, ys, places)):
        style = look(number)
        leader = {"arrowstyle": "-", "color": style["color"], "linewidth": 0.8, "linestyle": style["linestyle"],
                  "shrinkA": 1, "shrinkB": 4, "relpos": (0, 0.5)}
        at = ((box.x1 + (18 if away else 4)) / picture.width, place / picture.height)
        axes.annotate(line.label, (line.xs[-1], y[-1]), xytext=at, textcoords="figure fraction", fontsize=9.5,
                      weight=weights[number], color=darker(style["color"]), va="center", annotation_clip=False,
                      arrowprops=leader if away else None)


def draw_time(table, options):
    table.need(options.x, options.y)
    horizontal, measure = Horizontal(table, options.x), quantity(options.y)
    lines = lines_of(table, horizontal, options.by, options.best)
    ys = [[table.number(row, options.y) * measure.factor for row in line.rows] for line in lines]
    picture = Picture(options.width, options.height or 430, options.title or
                      "%s by %s" % (sentence(measure.name), horizontal.quantity.name), options.subtitle)
    horizontal.draw(picture, options.x_scale)
    draw_vertical(picture, measure, [y for line in ys for y in line], options.y_scale)
    draw_lines(picture, lines, ys, joined=not horizontal.is_words)
    name_lines(picture, lines, ys)
    return picture


def sentence(text):
    return text[:1].upper() + text[1:]


# Figures that are of one GPU already.
PER_GPU = ("tflops_per_gpu", "mfu", "hfu")


def draw_scaling(table, options):
    """Throughput of a GPU over that of the smallest row of its line."""
    table.need("gpus", options.y)
    horizontal = Horizontal(table, "gpus")
    lines = lines_of(table, horizontal, options.by, options.best)
    ys = [efficiencies(table, line, options.y) for line in lines]
    kind = options.kind + " scaling efficiency" if options.kind else kind_of_scaling(table, lines)
    share = Quantity("scaling efficiency", SHARE)
    picture = Picture(options.width, options.height or 430, options.title or sentence(kind),
                      options.subtitle or sentence(per_gpu_name(options.y)) + ", relative to the fewest GPUs")
    horizontal.draw(picture, options.x_scale)
    values = [1] + [y for line in ys for y in line]
    draw_vertical(picture, share, values, options.y_scale, max(0, 0.2 * math.floor(5 * min(values) - 0.5)))
    picture.axes.axhline(1, color=QUIET, linewidth=1, zorder=2)
    draw_lines(picture, lines, ys)
    name_lines(picture, lines, ys)
    return picture


def per_gpu_name(column):
    return quantity(column).name.removesuffix(" per GPU") + " per GPU"


def efficiencies(table, line, column):
    if "parameters" in table.columns and column not in PER_GPU:
        if differing(line.rows, ["parameters"]):
            raise Fault("%s: models differ from line %d to %d: compare them by --y tflops_per_gpu" %
                        (table.name, line.rows[0].line, line.rows[-1].line))
    rates = []
    for row in line.rows:
        rate = table.number(row, column)
        if rate <= 0:
            raise Fault("%s:%d: %s: expected a number above 0" % (table.name, row.line, column))
        rates.append(rate if column in PER_GPU else rate / table.number(row, "gpus"))
    return [rate / rates[0] for rate in rates]


def batch_of(table, row):
    """Samples of an iteration; the table has their rate."""
    return table.number(row, "samples_per_s") * table.number(row, "iteration_time_s")


def kind_of_scaling(table, lines):
    """Weak: the batch grows as the GPUs do; strong: it stays."""
    if not {"samples_per_s", "iteration_time_s"} <= set(table.columns):
        return "scaling efficiency"

    def stay(values):
        return max(values) - min(values) <= 1e-6 * max(values)

    batches = [[batch_of(table, row) for row in line.rows] for line in lines if len(line.rows) > 1]
    gpus = [line.xs for line in lines if len(line.rows) > 1]
    if batches and all(stay(batch) for batch in batches):
        return "strong scaling efficiency"
    if batches and all(stay([b / n for b, n in zip(batch, xs)]) for batch, xs in zip(batches, gpus)):
        return "weak scaling efficiency"
    return "scaling efficiency"


def quickest(table, line, lines):
    """The places of the points of a line that no other line is below."""
    def time(row):
        return table.number(row, "time")

    others = collections.defaultdict(lambda: math.inf)
    for x, row in ((x, row) for other in lines for x, row in zip(other.xs, other.rows)):
        others[x] = min(others[x], time(row))
    return [at for at, row in enumerate(line.rows) if time(row) == others[line.xs[at]]]


def draw_algorithms(table, options):
    """A line for each algorithm, those first that are the quickest of all somewhere; dots there."""
    table.need("bytes", "time", "op", "num_nodes", "nodes", options.y)
    table.one_value("op", "num_nodes", "nodes")
    horizontal, measure = Horizontal(table, "bytes"), quantity(options.y)
    lines = lines_of(table, horizontal, options.by or ["algorithm"], False)
    lines = sorted(lines, key=lambda line: not quickest(table, line, lines))
    dots = [quickest(table, line, lines) for line in lines] if len(lines) > 1 else None
    ys = [[table.number(row, options.y) * measure.factor for row in line.rows] for line in lines]
    first = table.rows[0].cells
    title = "%s, %s ranks on %s node%s" % (first["op"], first["num_nodes"], first["nodes"],
                                           "" if first["nodes"] == "1" else "s")
    subtitle = sentence(measure.name) + " by size" + ("; dots: the quickest at that size" if dots else "")
    picture = Picture(options.width, options.height or 500, options.title or title, options.subtitle or subtitle)
    horizontal.draw(picture, options.x_scale)
    draw_vertical(picture, measure, [y for line in ys for y in line], options.y_scale)
    draw_lines(picture, lines, ys, dots=dots)
    name_lines(picture, lines, ys, dots)
    return picture
