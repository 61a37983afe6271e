"""Scales and ticks of axes that carry quantities."""

import math
import re
import textwrap

from matplotlib.ticker import MaxNLocator

from .table import Fault, as_number
from .units import TIME, Quantity, quantity

MOST_TICKS = 11
MOST_LETTERS = 28  # of a word aslant
STEPS = (1, 2, 2.5, 5, 10)


def is_log(scale, values, helps):
    """Whether an axis of these values is logarithmic: as asked for, or where it helps to tell them apart."""
    if scale == "log" and min(values) <= 0:
        raise Fault("a logarithmic axis has only values above 0, and there is %g" % min(values))
    return scale == "log" or (scale == "auto" and helps)


def is_wide(values, times):
    """Whether values are better told apart by their ratios."""
    return min(values) > 0 and max(values) / min(values) >= times


class Horizontal:
    """The x of rows: numbers, numbers with one unit ('25 GB/s'), or words in the order of rows."""

    def __init__(self, table, column):
        self.column, self.quantity = column, quantity(column)
        cells = table.values(column)
        matches = [re.fullmatch(r"\s*([-+.\deE]+)\s*(\D*)", cell) for cell in cells]
        units = {match.group(2) for match in matches if match}
        numbers = [match and as_number(match.group(1)) for match in matches]
        self.is_words = None in numbers or len(units) > 1
        if self.is_words:
            self._at = {cell: float(number) for number, cell in enumerate(cells)}
            self.cells = cells
        else:
            unit = units.pop()
            if unit:
                self.quantity = Quantity(self.quantity.name, ((1, " " + unit),))
            self._at = {cell: number * self.quantity.factor for cell, number in zip(cells, numbers)}
        self.values = sorted(set(self._at.values()))

    def at(self, row):
        return self._at[row.cells[self.column]]

    def draw(self, picture, scale):
        axes = picture.axes
        axes.set_xlabel(self.quantity.name)
        if self.is_words:
            self._name_words(picture)
        elif is_log(scale, self.values, is_wide(self.values, 8)):
            axes.set_xscale("log", base=2)
            picture.ticks("x", places_by_two(self.values), self.quantity.text)
        else:
            picture.ticks("x", linear_places(self.values), lambda value: self.quantity.text(value, digits=4))

    def _name_words(self, picture):
        """Words side by side where there is room for them, else aslant and shortened."""
        widest = max(picture.text_width(cell) for cell in self.cells)
        if widest + 12 > 0.7 * picture.width / len(self.cells):
            names = [textwrap.shorten(cell, MOST_LETTERS, placeholder=" …") for cell in self.cells]
            picture.axes.set_xticks(self.values, names, rotation=25, ha="right", rotation_mode="anchor")
        else:
            picture.axes.set_xticks(self.values, self.cells)
        picture.axes.set_xlim(-0.5, len(self.cells) - 0.5)


def places_by_two(values):
    """The values themselves where they are few and apart, else powers of two between them."""
    if len(values) <= MOST_TICKS and all(b / a >= 1.6 for a, b in zip(values, values[1:])):
        return values
    return powers_of_two(values[0], values[-1]) or linear_places(values)


def powers_of_two(low, high):
    """At most MOST_TICKS of those in between."""
    low, high = math.ceil(math.log2(low) - 1e-9), math.floor(math.log2(high) + 1e-9)
    step = next(step for step in (1, 2, 5, 10, 20, 40, 80, 160, 320, 640, 1280) if (high - low) / step < MOST_TICKS)
    return [2.0**n for n in range(low - low % step, high + 1, step) if n >= low]


def linear_places(values):
    if len(values) <= 8:
        gaps = [b - a for a, b in zip(values, values[1:])]
        if not gaps or min(gaps) * 12 >= values[-1] - values[0]:
            return values
    return [v for v in MaxNLocator(8, steps=STEPS).tick_values(values[0], values[-1]) if values[0] <= v <= values[-1]]


def draw_vertical(picture, measure, values, scale, bottom=0.0):
    """The y axis of these values: logarithmic for times that span a decade, else linear from `bottom`."""
    axes = picture.axes
    if is_log(scale, values, measure.units is TIME and is_wide(values, 10)):
        axes.set_yscale("log")
        low, high = min(values) / 1.12, max(values) * 1.12
        picture.ticks("y", log_places(low, high, measure), measure.text)
    else:
        low, high = min(bottom, *values), max(0, *values) * 1.04
        unit = measure.unit(max(abs(low), abs(high)))
        high = high if high > low else unit[0]
        places = round_places(low, high, unit)
        picture.ticks("y", places, lambda value: measure.text(value, unit, 4))
        high = max(high, next((place for place in places if high <= place <= high * 1.06), high))
    axes.set_ylim(low, high)
    axes.grid(axis="y")


def round_places(low, high, unit):
    return [place * unit[0] for place in MaxNLocator(6, steps=STEPS).tick_values(low / unit[0], high / unit[0])]


def log_places(low, high, measure):
    """Powers of two of bytes, else of ten and their half steps; round numbers where that would be too few."""
    if measure.binary:
        places = powers_of_two(low, high)
    else:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps = (1, 2, 5) if math.log10(high / low) < 3 else (1,)
        places = [step * 10.0**n for n in decades for step in steps if low <= step * 10.0**n <= high]
    if len(places) < 3:
        places = [place for place in round_places(low, high, measure.unit(high)) if low <= place <= high]
    return places
