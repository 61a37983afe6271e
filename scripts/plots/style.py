"""How pictures look, and how they become files that are the same bytes each time."""

import matplotlib
from PIL import Image
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .table import Fault, ending

INK, QUIET, FAINT = "#222222", "#6b6b6b", "#e4e4e4"
# Okabe and Ito's colours that differ for every eye, without the yellow, which is no line on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#444444")
DASHES = ("solid", (0, (5, 2)), (0, (1.5, 1.5)))
MARKERS = "os^Dv"
MOST_LINES = len(COLOURS) * len(DASHES)
DPI = 100
RULES = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 10, "text.color": INK,
    "text.parse_math": False, "axes.labelcolor": INK, "axes.edgecolor": QUIET,
    "xtick.color": QUIET, "ytick.color": QUIET, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "grid.color": FAINT,
    "grid.linewidth": 0.8, "lines.linewidth": 1.8, "lines.markersize": 6, "svg.fonttype": "none",
    "svg.hashsalt": "rehearse",
}


def darker(colour):
    """The colour for words: light ones are hard to read."""
    red, green, blue = matplotlib.colors.to_rgb(colour)
    light = 0.30 * red + 0.59 * green + 0.11 * blue
    return tuple(part * min(1, 0.42 / light) for part in (red, green, blue))


def look(number):
    """Colour, dashes and marker of the line of that number."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number // len(COLOURS) % len(DASHES)],
            "marker": MARKERS[number % len(MARKERS)]}


class Picture:
    """A figure of width x height pixels with one pair of axes; margins grow with what stands in them."""

    def __init__(self, width, height, title, subtitle):
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RULES)
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes([0.1, 0.1, 0.8, 0.7])
        self.top = 0
        self._head(title, 16, {"fontsize": 13, "fontweight": "bold"})
        if subtitle:
            self._head(subtitle, 6, {"color": QUIET})

    def _head(self, text, gap, style):
        """A line of words below those that are there already; one that is too long gets smaller letters."""
        shown = self.figure.text(16 / self.width, 1 - (self.top + gap) / self.height, text, va="top", **style)
        room = self.width - 32
        if self.size(shown)[0] > room:
            shown.set_fontsize(shown.get_fontsize() * room / self.size(shown)[0])
        self.top += gap + self.size(shown)[1]

    def size(self, artist):
        """(width, height) in pixels."""
        box = artist.get_window_extent(self.canvas.get_renderer())
        return box.width, box.height

    def text_width(self, text, **style):
        shown = self.figure.text(0, 0, text, **style)
        width = self.size(shown)[0]
        shown.remove()
        return width

    def place(self, right=20, above=18):
        """The axes between margins in pixels, besides what ticks and their names need."""
        self.canvas.draw()
        ticks = max((self.size(label)[0] for label in self.axes.get_yticklabels()), default=0)
        named = 24 if self.axes.get_ylabel() else 0
        left = 24 + ticks + named
        first = next((label for label in self.axes.get_xticklabels() if label.get_rotation()), None)
        if first:  # aslant, it begins far left of its tick
            until_it = 0.5 * (self.width - left - right) / len(self.axes.get_xticks())
            left = max(left, 12 + self.size(first)[0] - until_it)
        below = max((self.size(label)[1] for label in self.axes.get_xticklabels()), default=0)
        bottom = below + (44 if self.axes.get_xlabel() else 26)
        top = self.top + above
        self.axes.set_position([left / self.width, bottom / self.height, (self.width - left - right) / self.width,
                                (self.height - bottom - top) / self.height])
        self.canvas.draw()

    def ticks(self, axis, places, text):
        axis = getattr(self.axes, axis + "axis")
        axis.set_major_locator(FixedLocator(places))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))

    def save(self, path):
        """SVG without date or version; PNG of 256 colours, which no eye tells from all and takes a third."""
        try:
            if ending(path) == "svg":
                self.figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
            else:
                self.canvas.draw()
                shown = Image.frombuffer("RGBA", self.canvas.get_width_height(), self.canvas.buffer_rgba())
                few = shown.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
                few.save(path, format="PNG", optimize=True)
        except OSError as error:
            raise Fault("%s: %s" % (path, error.strerror)) from error


def spread(wanted, gap, low, high):
    """Places in [low, high] at least `gap` apart (less where there is no room), in order, near the wanted ones.

    Least squares: neighbours that are too near are put around the mean of where they want to be.
    """
    if len(wanted) > 1:
        gap = min(gap, (high - low) / (len(wanted) - 1))
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    pools = []
    for rank, i in enumerate(order):
        pools.append([wanted[i] - rank * gap, 1])
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            mean, count = pools.pop()
            pools[-1] = [(pools[-1][0] * pools[-1][1] + mean * count) / (pools[-1][1] + count), pools[-1][1] + count]
    places, rank = [0.0] * len(wanted), 0
    for mean, count in pools:
        for _ in range(count):
            ceiling = high - (len(wanted) - 1) * gap
            places[order[rank]] = min(max(mean, low), max(low, ceiling)) + rank * gap
            rank += 1
    return places
