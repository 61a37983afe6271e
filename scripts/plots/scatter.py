"""Predicted against measured, from `rehearse validate --json` or `--csv`."""

import collections

from .axes import log_places
from .panels import GRID, Sheet
from .style import COLOURS, FAINT, MARKERS, QUIET
from .table import Fault, wrapped
from .units import BANDWIDTH, BYTES, FACTORS, FLOPS, TIME, Quantity, quantity

BANDS = ((0.20, 0.20), (0.10, 0.30))  # error, and how dark
SIZES = (30, 22, 34, 26, 34)  # markers that look equally large
MANY = 150  # points of a group that are drawn smaller
MOST_GROUPS = len(COLOURS) * len(MARKERS)  # both are told apart by their number, and 5 and 7 have no common factor
# What figures in units of one kind are called together.
KINDS = ((TIME, "time"), (BYTES, "memory"), (FLOPS, "operations per second"), (BANDWIDTH, "bandwidth"))


class Panel:
    """Rows whose figures share an axis, by what they are told apart by; those that were not predicted are counted."""

    def __init__(self, units):
        self.units, self.figures = units, {}
        self.groups, self.missing = {}, collections.Counter()

    def add(self, row, group, measure):
        self.figures[row.cells["figure"]] = measure.name
        rows = self.groups.setdefault(group, [])
        if row.cells["predicted"] == "":
            self.missing[group] += 1
        else:
            rows.append((row, measure.factor))

    @property
    def name(self):
        if len(self.figures) == 1:
            return next(iter(self.figures.values()))
        return next(name for units, name in KINDS if units is self.units)

    @property
    def is_cost(self):
        return self.units in (TIME, BYTES)

    @property
    def rows(self):
        return [row for rows in self.groups.values() for row, _ in rows]


def measure_of(row):
    """The figure of a row, with the unit that measured and predicted are in."""
    figure, unit = quantity(row.cells["figure"]), row.cells["unit"]
    if not unit:
        return figure
    return Quantity(figure.name, *FACTORS.get(unit, (((1, " " + unit),), 1)))


def panels_of(table, by):
    """Figures with the same kind of unit are drawn together, plain numbers each by themselves."""
    panels = {}
    for row in table.rows:
        measure = measure_of(row)
        kind = measure.units if row.cells["unit"] else row.cells["figure"]
        panels.setdefault(kind, Panel(measure.units)).add(row, row.cells[by], measure)
    for panel in panels.values():
        if len(panel.groups) > MOST_GROUPS:
            raise Fault("%s: %d values of %s are too many to tell apart (at most %d)" %
                        (table.name, len(panel.groups), by, MOST_GROUPS))
    return list(panels.values())


def draw_predicted(table, options):
    """Points of each study, the diagonal, and where the time is off by a tenth or a fifth at most."""
    table.need("study", "figure", "unit", "measured", "predicted", "error", options.by)
    panels = panels_of(table, options.by)
    table.keep(lambda row: row.cells["predicted"] != "", lambda row: "not predicted")
    labels = [[group_label(table, panel, name, len(panels)) for name in panel.groups] for panel in panels]
    sheet = Sheet(options, title(table, panels), subtitle(panels), labels)
    for number, (panel, names) in enumerate(zip(panels, labels)):
        sheet.begin(number)
        draw_panel(sheet, table, panel, names)
        sheet.end(number, "" if len(panels) == 1 else sentence("%s: %s" % (panel.name, mean_of(table, panel.rows))))
    return sheet.picture


def sentence(text):
    return text[:1].upper() + text[1:]


def title(table, panels):
    what = " " + panels[0].name if len(panels) == 1 else ""
    return "Predicted against measured%s: MAPE %s" % (what, mean_of(table, table.rows))


def subtitle(panels):
    sizes = {panel.units is BYTES for panel in panels}
    what = "time or size" if len(sizes) == 2 else "size" if True in sizes else "time"
    return "Each point is a row; the bands are errors of 10 %% and 20 %% of the %s" % what


def mean_of(table, rows):
    """The mean of the absolute errors, which are of time or size in each table of the program."""
    if not rows:
        return "no row"
    mean = sum(abs(table.number(row, "error")) for row in rows) / len(rows)
    return "%.1f %% of %d row%s" % (100 * mean, len(rows), "" if len(rows) == 1 else "s")


def group_label(table, panel, name, panels):
    text = mean_of(table, [row for row, _ in panel.groups[name]])
    if panel.missing[name]:
        text += ", %d not predicted" % panel.missing[name]
    return "%s\n%s" % (wrapped(name, 42 if panels == 1 else GRID.letters), text)


def draw_panel(sheet, table, panel, names):
    points = [[tuple(table.number(row, column) * factor for column in ("measured", "predicted"))
               for row, factor in rows] for rows in panel.groups.values()]
    low, high = limits(table, points)
    draw_bands(sheet, panel, low, high)
    for number, (name, of_group) in enumerate(zip(names, points)):
        marker = number % len(MARKERS)
        xs, ys = zip(*of_group) if of_group else ((), ())
        sheet.picture.axes.scatter(xs, ys, s=SIZES[marker] * (0.5 if len(of_group) > MANY else 1),
                                   color=COLOURS[number % len(COLOURS)], marker=MARKERS[marker], alpha=0.75,
                                   linewidths=0.5, edgecolors="white", zorder=3, label=name)


def limits(table, points):
    values = [value for of_group in points for point in of_group for value in point]
    if values and min(values) <= 0:
        raise Fault("%s: measured and predicted have to be above 0" % table.name)
    return (min(values) / 1.25, max(values) * 1.25) if values else (1, 10)


def draw_bands(sheet, panel, low, high):
    """The error is one of time or size: of a throughput that of its reciprocal."""
    picture, axes, measure = sheet.picture, sheet.picture.axes, Quantity("", panel.units)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    for error, dark in BANDS:
        below, above = (1 - error, 1 + error) if panel.is_cost else (1 / (1 + error), 1 / (1 - error))
        axes.fill_between([low, high], [low * below, high * below], [low * above, high * above], color="#8fb8d8",
                          alpha=dark, linewidth=0, zorder=1)
    axes.plot([low, high], [low, high], color=QUIET, linewidth=1, zorder=2)
    axes.grid(color=FAINT)
    name_ticks(sheet, measure, low, high)


def name_ticks(sheet, measure, low, high):
    """A unit that all ticks share stands at the axes."""
    picture, places = sheet.picture, log_places(low, high, measure)
    unit = measure.unit(places[0])
    shared = unit == measure.unit(places[-1]) and unit[1].startswith(" ")
    bare = Quantity("", ((unit[0], ""),)) if shared else measure
    widest = max(picture.text_width(bare.text(place)) for place in places)
    while len(places) > 2 and widest * len(places) > 0.75 * sheet.room():
        places = places[::2]
    for axis, what in (("x", "measured"), ("y", "predicted")):
        picture.ticks(axis, places, bare.text)
        getattr(picture.axes, "set_%slabel" % axis)(what + "," + unit[1] if shared else what)
