"""Rows of a sweep side by side: bars of what their iterations are made of."""

from .axes import round_places
from .lines import batch_of, sentence
from .style import QUIET, Picture
from .table import label_of, telling, wrapped
from .units import quantity

# The breakdown, with what it is called and its colour; together they are the iteration.
PARTS = (("compute_s", "compute", "#0072b2"), ("tensor_comm_s", "tensor communication", "#e69f00"),
         ("context_comm_s", "context communication", "#8c564b"), ("expert_comm_s", "expert communication", "#56b4e9"),
         ("pipeline_comm_s", "pipeline communication", "#f0e442"), ("data_comm_s", "data communication", "#d55e00"),
         ("offload_s", "offload", "#009e73"), ("bubble_s", "bubble", "#c4c4c4"), ("optimizer_s", "optimizer", "#cc79a7"))
BAR, STEP = 0.68, 36  # a bar's share of its row, the height of a row in pixels
WRAP = 44  # characters in a line of a label
LABEL = {"fontsize": 9.5}
TOTAL = {"fontsize": 9.5}


def chosen_rows(table, options):
    """The rows to draw: those of the table, or where they are too many the best ones, best first."""
    if len(table.rows) <= options.top and not options.sort:
        return table.rows
    rows = sorted(table.rows, key=lambda row: -table.number(row, "tokens_per_s"))
    return rows[:options.top]


def labels_of(table, rows, by):
    by = by or telling(rows, table.axes()) or table.axes()[:1] or ["name"]
    table.need(*by)
    labels = [label_of(row, by) for row in rows]
    return [wrapped(label, WRAP) for label in labels]


def draw_compare(table, options):
    table.need("iteration_time_s", "tokens_per_s", "compute_s")
    rows = chosen_rows(table, options)
    labels = labels_of(table, rows, options.by)
    times = [table.number(row, "iteration_time_s") for row in rows]
    step = STEP if max(label.count("\n") for label in labels) < 2 else STEP + 12
    picture = Picture(options.width, options.height or 128 + step * len(rows), options.title or "Where the time goes",
                      options.subtitle or subtitle(table, rows))
    draw_bars(picture, table, rows)
    picture.axes.set_yticks(range(len(rows)), labels, **LABEL)
    picture.axes.tick_params(axis="y", length=0)
    picture.axes.set_ylim(len(rows) - 0.5, -0.5)
    above = draw_legend(picture)
    texts = totals(table, rows, times)
    right = max(picture.text_width("  " + text, fontweight="bold", **TOTAL) for text in texts) + 12
    picture.place(right=right, above=above)
    draw_scale(picture, max(times))
    name_totals(picture, times, texts)
    return picture


def subtitle(table, rows):
    parts = []
    if len(rows) < len(table.rows):
        parts.append("%d rows of %d, those with the most tokens per second" % (len(rows), len(table.rows)))
    parts.append("one iteration, on the slowest GPU")
    gpus = {row.cells["gpus"] for row in rows if "gpus" in row.cells}
    if len(gpus) == 1:
        parts.append("{:,.0f} GPUs".format(float(gpus.pop())))
    return sentence("; ".join(parts))


def draw_bars(picture, table, rows):
    begins = [0.0] * len(rows)
    for column, name, colour in PARTS:
        if not all(column in row.cells for row in rows):  # nothing of the kind when the table was written
            continue
        lengths = [table.number(row, column) for row in rows]
        if max(lengths) > 0:
            picture.axes.barh(range(len(rows)), lengths, BAR, begins, color=colour, label=name, zorder=2)
        begins = [begin + length for begin, length in zip(begins, lengths)]


def draw_legend(picture):
    """The parts above the axes, in as many lines as they need; returns how high they are."""
    count = len(picture.axes.get_legend_handles_labels()[0])
    style = {"frameon": False, "fontsize": 9, "handlelength": 1, "handleheight": 1, "columnspacing": 1.1,
             "handletextpad": 0.5, "borderaxespad": 0, "borderpad": 0}
    for columns in range(count, 0, -1):
        legend = picture.figure.legend(*picture.axes.get_legend_handles_labels(), loc="upper left", ncol=columns,
                                       bbox_to_anchor=(16 / picture.width, 1 - (picture.top + 12) / picture.height),
                                       **style)
        width, height = picture.size(legend)
        if width <= picture.width - 32 or columns == 1:
            return height + 24
        legend.remove()


def totals(table, rows, times):
    """The time of each row, and how much longer it is than the shortest where rows do the same work."""
    texts = [quantity("iteration_time_s").exact(time) for time in times]
    if not is_same_work(table, rows) or len(rows) == 1:
        return texts
    least = min(times)
    return [text if time == least else "%s  +%s %%" % (text, percent(time / least - 1))
            for text, time in zip(texts, times)]


def percent(share):
    return ("%.0f" if share >= 0.1 else "%.1f") % (100 * share)


def is_same_work(table, rows):
    if "samples_per_s" not in table.columns:
        return False
    batches = [batch_of(table, row) for row in rows]
    return max(batches) - min(batches) <= 1e-6 * max(batches)


def draw_scale(picture, longest):
    """Time from zero to the end of the longest bar."""
    measure = quantity("iteration_time_s")
    unit = measure.unit(longest)
    picture.ticks("x", round_places(0, longest, unit), lambda value: measure.text(value, unit, 4))
    picture.axes.set_xlim(0, longest)
    picture.axes.grid(axis="x")
    picture.axes.spines["left"].set_visible(False)


def name_totals(picture, times, texts):
    least = min(times)
    compared = any("%" in text for text in texts)
    for number, (time, text) in enumerate(zip(times, texts)):
        best = compared and time == least
        picture.axes.annotate(text, (time, number), xytext=(7, 0), textcoords="offset points", va="center",
                              fontweight="bold" if best else "normal", annotation_clip=False, **TOTAL)
    if compared:
        picture.axes.axvline(least, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=3)
