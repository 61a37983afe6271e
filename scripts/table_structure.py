#!/usr/bin/python3
"""How many times the 720 rows of tests/validation/a100_single_node.csv hold, and how exactly.

Usage: table_structure.py      (needs numpy; Debian: python3-numpy)

Rows with one stage, by (hidden, tensor), are put as

  iteration_ms = n (layers a + b) + layers c + d,   n = micro batches of a GPU

with a and b, the time of a layer and of everything else of a micro batch, for each size of the micro batch, and c and
d, what an iteration costs once, for each data degree: least squares of the relative difference. What is left over is
what the rows say beyond those numbers.
"""
import collections
import csv
import pathlib
import textwrap

try:
    import numpy as np
except ImportError:
    raise SystemExit("needs numpy: apt-get install python3-numpy, then /usr/bin/python3") from None

TABLE = pathlib.Path(__file__).resolve().parent.parent / "tests/validation/a100_single_node.csv"
MICRO_BATCHES = (1, 2, 4, 8)

# Of rows with the same hidden size and tensor degree: times in ms by micro batch, numbers found, relative differences.
Fit = collections.namedtuple("Fit", "layer head numbers differences")


def read_rows():
    with open(TABLE, encoding="utf-8") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return [{column: float(cell) for column, cell in row.items()} for row in rows]


def chosen(all_of_them, one, factors):
    """For each of them the factors, zero but of the one."""
    return [factor * (other == one) for other in all_of_them for factor in factors]


def fit(rows):
    sizes = sorted({row["micro_batch"] for row in rows})
    degrees = sorted({row["dp"] for row in rows})
    terms = []
    for row in rows:
        n = row["global_batch"] / row["micro_batch"] / row["dp"]
        of_micro_batch = chosen(sizes, row["micro_batch"], [row["layers"] * n, n])
        terms.append(np.array(of_micro_batch + chosen(degrees, row["dp"], [row["layers"], 1])) / row["iteration_ms"])
    found, _, rank, _ = np.linalg.lstsq(np.array(terms), np.ones(len(rows)), rcond=None)
    of_micro_batch = found[:2 * len(sizes)]
    return Fit(dict(zip(sizes, of_micro_batch[::2])), dict(zip(sizes, of_micro_batch[1::2])), int(rank),
               np.abs(np.array(terms) @ found - 1))


def fits():
    """By (hidden, tensor)."""
    groups = collections.defaultdict(list)
    for row in read_rows():
        if row["pp"] == 1:
            groups[int(row["hidden"]), int(row["tp"])].append(row)
    return {key: fit(rows) for key, rows in sorted(groups.items())}


def per_cent(share):
    return "%.2g %%" % (100 * share)


def markdown():
    found = fits()
    left = np.concatenate([of.differences for of in found.values()])
    largest = {key: of.differences.max() for key, of in found.items()}
    worst = max(largest, key=largest.get)
    others = max(value for key, value in largest.items() if key != worst)
    said = ("The %d rows with one stage are met by %d numbers: the median difference is %s, the largest %s, and %s "
            "where hidden is %d and tensor %d. Milliseconds of a layer, and of the rest of a micro batch, by the size of the "
            "micro batch:" % (len(left), sum(of.numbers for of in found.values()), per_cent(np.median(left)),
                              per_cent(others), per_cent(largest[worst]), *worst))
    names = ["%s, %d" % (what, size) for what in ("layer", "rest") for size in MICRO_BATCHES]
    lines = [textwrap.fill(said, 120), "", "| hidden | tensor | %s |" % " | ".join(names), "|---:" * 10 + "|"]
    for (hidden, tensor), of in found.items():
        times = [times[size] for times in (of.layer, of.head) for size in MICRO_BATCHES]
        lines.append("| %d | %d | %s |" % (hidden, tensor, " | ".join("%.2f" % time for time in times)))
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())
