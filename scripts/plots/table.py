"""Tables that the program writes, and what can be wrong with them."""

import collections
import csv
import difflib
import io
import math
import os
import sys
import textwrap

from .validation import rows_of_json

Row = collections.namedtuple("Row", "line cells")


class Fault(Exception):
    """Something that the user has to change, as one line."""


def nearest(name, names):
    """'; did you mean ...?' where a name is near, and in any case those that there are."""
    found = difflib.get_close_matches(name, names, 1)
    return ("; did you mean '%s'?" % found[0] if found else ";") + " there are: " + ", ".join(names)


def as_number(text):
    """A finite number, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


class Table:
    """Rows with the cells of all columns. Rows that failed (`status`) are counted in left_out instead."""

    def __init__(self, path):
        self.name = "standard input" if path == "-" else path
        self.left_out = collections.Counter()
        self.columns, self.rows = self._parse(self._read(path))
        self.read = len(self.rows)
        if "status" in self.columns:
            self.keep(lambda row: row.cells["status"] == "ok", lambda row: row.cells["status"])

    def _read(self, path):
        try:
            if path == "-":
                return sys.stdin.buffer.read().decode("utf-8-sig")
            with open(path, "rb") as file:
                return file.read().decode("utf-8-sig")
        except OSError as error:
            raise Fault("%s: %s" % (self.name, error.strerror)) from error
        except UnicodeDecodeError as error:
            raise Fault("%s: not a table: no text" % self.name) from error

    def _parse(self, text):
        if text.lstrip().startswith("{"):
            try:
                columns, rows = rows_of_json(text)
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise Fault("%s: JSON, but not what `rehearse validate --json` writes" % self.name) from error
            if not rows:
                raise Fault("%s: an empty table: it has no rows" % self.name)
            return columns, [Row(line, cells) for line, cells in rows]
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            rows = [(reader.line_num, cells) for cells in reader if cells]
        except csv.Error as error:
            raise Fault("%s:%d: %s" % (self.name, reader.line_num, error)) from error
        if len(rows) < 2:
            raise Fault("%s: an empty table: it has %s" % (self.name, "no rows" if rows else "not even column names"))
        columns = rows[0][1]
        for line, cells in rows[1:]:
            if len(cells) != len(columns):
                raise Fault("%s:%d: expected %d cells as in the first line, found %d" %
                            (self.name, line, len(columns), len(cells)))
        return columns, [Row(line, dict(zip(columns, cells))) for line, cells in rows[1:]]

    def keep(self, good, why):
        """Leaves out all other rows, counted by `why`."""
        self.left_out.update(why(row) for row in self.rows if not good(row))
        self.rows = [row for row in self.rows if good(row)]
        if not self.rows:
            raise Fault("%s: no row can be drawn: %s" % (self.name, self.what_is_left_out()))

    def what_is_left_out(self):
        return ", ".join("%d %s" % (count, reason) for reason, count in sorted(self.left_out.items()))

    def need(self, *columns):
        for column in columns:
            if column not in self.columns:
                raise Fault("%s: no column '%s'%s" % (self.name, column, nearest(column, self.columns)))

    def where(self, conditions):
        """Keeps rows that agree with every COLUMN=VALUE; numbers agree however they are written."""
        for condition in conditions:
            column, equals, value = condition.partition("=")
            if not equals:
                raise Fault("--where %s: expected COLUMN=VALUE" % condition)
            self.need(column)
            number = as_number(value)
            found = [row for row in self.rows if row.cells[column] == value or
                     (number is not None and as_number(row.cells[column]) == number)]
            if not found:
                others = nearest(value, self.values(column))
                raise Fault("%s: no row has %s '%s'%s" % (self.name, column, value, others))
            self.rows = found

    def values(self, column):
        """The different cells of a column, in the order of rows."""
        return list(dict.fromkeys(row.cells[column] for row in self.rows))

    def one_value(self, *columns):
        """Rows that differ in these columns are not drawn together."""
        self.need(*columns)
        for column in columns:
            values = self.values(column)
            if len(values) > 1:
                raise Fault("%s: rows differ in %s (%s): choose with --where %s=%s" %
                            (self.name, column, ", ".join(values), column, values[0]))

    def number(self, row, column):
        value = as_number(row.cells[column])
        if value is None:
            raise Fault("%s:%d: %s: expected a number, found '%s'" %
                        (self.name, row.line, column, row.cells[column]))
        return value

    def axes(self):
        """The columns of the study in a table of `rehearse sweep`: all before `name`, but `index`."""
        if "name" not in self.columns:
            return []
        return [column for column in self.columns[:self.columns.index("name")] if column != "index"]


def label_of(row, columns):
    """What tells a row from others: words as they are, numbers with their column's name."""
    parts = []
    for column in columns:
        value = row.cells[column].strip()
        if value.startswith("{") and value.endswith("}"):
            value = value[1:-1]
        bare = as_number(value) is not None or value.lower() in ("true", "false", "")
        parts.append("%s %s" % (words(column), value or "–") if bare else value)
    return ", ".join(parts)


def telling(rows, columns, place=lambda row: None):
    """The first columns that tell rows of one place apart as well as all do."""
    found = []

    def kinds(chosen):
        return len({(place(row), *(row.cells[column] for column in chosen)) for row in rows})

    for column in columns:
        if kinds(found + [column]) > kinds(found):
            found.append(column)
    return found


def words(column):
    """A dotted key without its section, at most two parts, as words."""
    parts = column.split(".")
    name = " ".join(parts[1:][-2:] or parts).replace("_", " ")
    return " ".join("NIC" if word == "nic" else word for word in name.split(" "))


def wrapped(text, width):
    """At most three lines, as few as there can be and of like lengths, broken between the parts that are short."""
    parts = text.split(", ")
    if len(parts) > 1 and max(map(len, parts)) <= width // 2:
        text = ", ".join(part.replace(" ", "\u00a0") for part in parts)
    lines = textwrap.wrap(text, width, max_lines=3, placeholder=" …")
    for narrower in range(max(1, len(text) // max(1, len(lines))), width):
        balanced = textwrap.wrap(text, narrower)
        if len(balanced) == len(lines):
            return "\n".join(balanced)
    return "\n".join(lines)


def ending(path):
    return os.path.splitext(path)[1].lower().removeprefix(".")
