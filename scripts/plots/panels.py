"""Square panels on one sheet, each with a list of what is drawn in it."""

import collections

from .style import Picture
from .table import Fault

# Where there are several, in pixels: left and right of a panel's axes, above for its name, below for ticks, a line and
# a gap of its list, and to the next one below; and how many letters stand in a line.
Grid = collections.namedtuple("Grid", "columns left right above below line gap between letters")
GRID = Grid(columns=2, left=88, right=22, above=32, below=56, line=15.5, gap=8, between=14, letters=50)
HEAD = 62  # of the sheet, for its title
LEAST = 100  # side of a panel
ALONE = 560  # height of a sheet with one panel


class Sheet:
    """One panel has its list at the right; several stand in two columns, each with its list below.

    lists: for each panel the texts of its list. Between `begin` and `end` of a panel its axes are picture.axes.
    """

    def __init__(self, options, title, subtitle, lists):
        self.alone = len(lists) == 1
        fixed = [GRID.above + GRID.below + height_of(texts) + GRID.between for texts in lists]
        self.side = options.width / GRID.columns - GRID.left - GRID.right
        columns = self._columns(fixed)
        if options.height:
            rooms = [options.height - HEAD - sum(fixed[number] for number in column) for column in columns]
            self.side = min([self.side] + [room / len(column) for room, column in zip(rooms, columns) if column])
        if not self.alone and self.side < LEAST:
            raise Fault("%d panels have no room in a height of %d pixels" % (len(lists), options.height))
        self.corners, height = self._corners(columns, fixed, options.width)
        height = options.height or (ALONE if self.alone else round(height))
        self.picture = Picture(options.width, height, options.title or title, options.subtitle or subtitle)

    def _columns(self, fixed):
        """Numbers of panels: each below what ends highest."""
        columns, heights = [[] for _ in range(GRID.columns)], [0.0] * GRID.columns
        for number, height in enumerate(fixed):
            highest = heights.index(min(heights))
            columns[highest].append(number)
            heights[highest] += height + self.side
        return columns

    def _corners(self, columns, fixed, width):
        """The left upper corner of each panel, and where the lowest ends."""
        corners, ends = {}, []
        for at, column in enumerate(columns):
            top = HEAD
            for number in column:
                corners[number] = at * width / GRID.columns, top
                top += fixed[number] + self.side
            ends.append(top)
        return corners, max(ends)

    def room(self):
        """Pixels for the ticks along an axis, about."""
        return 0.53 * self.picture.width if self.alone else self.side

    def begin(self, number):
        if number > 0:
            self.picture.axes = self.picture.figure.add_axes([0.1, 0.1, 0.8, 0.7])

    def end(self, number, name):
        if self.alone:
            self._place_alone()
        else:
            self._place(number, name)

    def _place_alone(self):
        picture = self.picture
        picture.place(right=20)
        box = picture.axes.get_position()
        side = min(box.height * picture.height, 0.62 * picture.width)
        picture.axes.set_position([box.x0, box.y0, side / picture.width, side / picture.height])
        self._list(box.x0 * picture.width + side + 24, picture.height - box.y0 * picture.height - side)

    def _place(self, number, name):
        picture, (left, top) = self.picture, self.corners[number]
        picture.figure.text((left + 16) / picture.width, 1 - (top + 8) / picture.height, name, va="top", fontsize=10.5,
                            fontweight="bold")
        left += GRID.left
        top += GRID.above
        picture.axes.set_position([left / picture.width, 1 - (top + self.side) / picture.height,
                                   self.side / picture.width, self.side / picture.height])
        self._list(left - GRID.left + 20, top + self.side + GRID.below)

    def _list(self, left, top):
        """What is drawn, from there on; pixels from the sheet's left upper corner."""
        title = {"title": "Mean absolute error", "title_fontsize": 9.5} if self.alone else {}
        self.picture.figure.legend(*self.picture.axes.get_legend_handles_labels(), loc="upper left", frameon=False,
                                   fontsize=9.5 if self.alone else 9, borderaxespad=0, borderpad=0,
                                   bbox_to_anchor=(left / self.picture.width, 1 - top / self.picture.height),
                                   labelspacing=0.9 if self.alone else 0.5, handletextpad=0.4, handlelength=1.2,
                                   alignment="left", **title)


def height_of(texts):
    """Of a list, in pixels."""
    return sum(GRID.line * (1 + text.count("\n")) + GRID.gap for text in texts)
