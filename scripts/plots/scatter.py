"""Predicted against measured, from `rehearse validate --csv`."""

from .axes import log_places
from .style import COLOURS, FAINT, MARKERS, QUIET, Picture
from .table import Fault, wrapped
from .units import FACTORS, Quantity, quantity

BAND = 0.10
SIZES = (30, 22, 34, 26, 34)  # markers that look equally large


def measure_of(table):
    """The figure of all rows, with the unit that measured and predicted are in."""
    table.one_value("figure", "unit")
    first = table.rows[0].cells
    figure = quantity(first["figure"])
    if not first["unit"]:
        return figure
    return Quantity(figure.name, *FACTORS.get(first["unit"], (((1, " " + first["unit"]),), 1)))


def draw_predicted(table, options):
    """Points of each study, the diagonal, and where the time is off by a tenth at most."""
    table.need("study", "figure", "unit", "measured", "predicted", "error", options.by)
    table.keep(lambda row: row.cells["predicted"] != "", lambda row: "not predicted")
    measure = measure_of(table)
    groups = {}
    for row in table.rows:
        groups.setdefault(row.cells[options.by], []).append(row)
    if len(groups) > len(COLOURS):
        raise Fault("%s: %d values of %s are too many to tell apart (at most %d)" %
                    (table.name, len(groups), options.by, len(COLOURS)))
    title = "Predicted against measured %s: MAPE %s of %d rows" % (measure.name, mape(table, table.rows),
                                                                   len(table.rows))
    picture = Picture(options.width, options.height or 560, options.title or title,
                      options.subtitle or "Each point is a row; the band is an error of 10 % of the time")
    points = [[(table.number(row, "measured") * measure.factor, table.number(row, "predicted") * measure.factor)
               for row in rows] for rows in groups.values()]
    low, high = limits(table, points)
    draw_band(picture, measure, low, high, table.rows[0].cells["figure"] == "time")
    for number, ((name, rows), of_group) in enumerate(zip(groups.items(), points)):
        marker = number % len(MARKERS)
        picture.axes.scatter(*zip(*of_group), s=SIZES[marker], color=COLOURS[number], marker=MARKERS[marker],
                             alpha=0.75, linewidths=0.5, edgecolors="white", zorder=3,
                             label=group_label(table, name, rows))
    finish(picture)
    return picture


def mape(table, rows):
    """The mean of the absolute errors, which are of time in each table of the program."""
    return "%.1f %%" % (100 * sum(abs(table.number(row, "error")) for row in rows) / len(rows))


def group_label(table, name, rows):
    return "%s\n%s of %d rows" % (wrapped(name, 42), mape(table, rows), len(rows))


def limits(table, points):
    values = [value for of_group in points for point in of_group for value in point]
    if min(values) <= 0:
        raise Fault("%s: measured and predicted have to be above 0" % table.name)
    return min(values) / 1.25, max(values) * 1.25


def draw_band(picture, measure, low, high, is_time):
    """The error is one of time: of a throughput that of its reciprocal."""
    axes = picture.axes
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    below, above = (1 - BAND, 1 + BAND) if is_time else (1 / (1 + BAND), 1 / (1 - BAND))
    axes.fill_between([low, high], [low * below, high * below], [low * above, high * above], color="#8fb8d8",
                      alpha=0.35, linewidth=0, zorder=1)
    axes.plot([low, high], [low, high], color=QUIET, linewidth=1, zorder=2)
    places = log_places(low, high, measure.binary)
    widest = max(picture.text_width(measure.text(place)) for place in places)
    if widest * len(places) > 0.4 * picture.width:
        places = places[::2]
    for axis in "xy":
        picture.ticks(axis, places, measure.text)
    axes.grid(color=FAINT)
    axes.set_xlabel("measured")
    axes.set_ylabel("predicted")


def finish(picture):
    """Square axes at the left, the groups with their errors at the right."""
    picture.place(right=20)
    box = picture.axes.get_position()
    side = min(box.height * picture.height, 0.62 * picture.width)
    picture.axes.set_position([box.x0, box.y0, side / picture.width, side / picture.height])
    left = box.x0 + (side + 24) / picture.width
    picture.figure.legend(*picture.axes.get_legend_handles_labels(), loc="upper left", frameon=False, fontsize=9.5,
                          bbox_to_anchor=(left, box.y0 + side / picture.height), borderaxespad=0, borderpad=0,
                          labelspacing=0.9, handletextpad=0.4, handlelength=1.2,
                          title="Mean absolute error", title_fontsize=9.5, alignment="left")
