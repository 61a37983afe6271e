"""What scripts/accuracy.py writes of the results of `rehearse validate --json`: tables in Markdown and text."""
import collections
import functools
import json
import pathlib
import re

from plots.table import Row, as_number, label_of, telling

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXPLANATIONS = ROOT / "tests/validation/explanations.json"
PROFILES = ("platforms/devices", "platforms/nodes", "workloads/frameworks")

HEADING = ["rows", "cannot run", "mean", "median", "95 %", "bias", "within 5 %", "within 10 %", "within 20 %",
           "correlation"]
KINDS = ("training", "memory", "collectives", "kernels")
UNEXPLAINED = "unexplained"
# Mean absolute errors that others published on the same rows.
PUBLISHED = {"a100_single_node": "vTrain: 8.37 %", "a100_multi_node": "vTrain: 14.73 %"}

# A row of a study with what tells it from the others, its part, and the part's unit.
Measured = collections.namedtuple("Measured", "study row label unit")


def per_cent(share):
    return "%.1f %%" % (100 * share)


def signed(share):
    return "%+.1f %%" % (100 * share)


def cell(text):
    return text.replace("|", "\\|")


def markdown(heading, rows, numbers):
    """Columns of these names are to the right, the others to the left."""
    rule = ["---:" if name in numbers else "---" for name in heading]
    return "\n".join("| " + " | ".join(map(cell, cells)) + " |" for cells in [heading, rule, *rows])


def rate(figure):
    """A throughput's unit: tokens/s of tokens_per_s, or tokens/s a GPU."""
    return re.sub(r"_per_(gpu_)?s$", lambda found: "/s a GPU" if found[1] else "/s", figure)


class Study:
    """Of the JSON, with what the study's file says besides."""

    def __init__(self, result):
        self.name, self.rows, self.parts = result["name"], result["rows"], {p["name"]: p for p in result["parts"]}
        self.stem = pathlib.Path(result["file"]).stem
        self.groups, self.all = result["statistics"][:-1], result["statistics"][-1]
        self.text = (ROOT / result["file"]).read_text(encoding="utf-8")

    @property
    def kind(self):
        figures = {part["figure"] for part in self.parts.values()}
        if re.search(r"^collective:", self.text, re.MULTILINE):
            return "collectives"
        if re.search(r"^kernel:", self.text, re.MULTILINE) or any(figure.startswith("layer_") for figure in figures):
            return "kernels"
        return "memory" if any(figure.startswith("memory_") for figure in figures) else "training"

    @property
    def limit(self):
        """Of the mean of all rows, as the study's file has it; of groups it may have others."""
        limits = re.search(r"^limits:(.*(?:\n .*)*)", self.text, re.MULTILINE)
        if not limits:
            return "none"
        text = limits[1].strip()
        of_all = re.sub(r"\{[^{}]*\}", "", text[1:-1] if text.startswith("{") else text)
        mean = re.search(r"\bmean_absolute_error: ([\d.]+ %)", of_all)
        return mean[1] if mean else "by group"

    def measured(self):
        """Its rows that were compared."""
        return [Measured(self, row, self.label(row), self.unit(row)) for row in self.rows if row["error"] is not None]

    def unit(self, row):
        part = self.parts[row["part"]]
        return part["unit"] or rate(part["figure"])

    def label(self, row):
        """What tells a row from the others: its part, and the columns by which they differ."""
        settings = {column: text for column, text in row["settings"].items() if column in self.differing and text}
        return ": ".join(filter(None, (row["part"], label_of(Row(row["line"], settings), settings))))

    @functools.cached_property
    def differing(self):
        columns = list(dict.fromkeys(column for row in self.rows for column in row["settings"]))
        cells = ({column: row["settings"].get(column, "") for column in columns} for row in self.rows)
        return telling([Row(None, of_row) for of_row in cells], columns)


class Explanations:
    """Why rows are off, as EXPLANATIONS has it: the first whose study and settings are the row's. One holds for
    predictions that are too `slow` or too `fast` only, so that it goes with the error that it explains."""

    def __init__(self, path=EXPLANATIONS):
        self.entries = json.loads(path.read_text(encoding="utf-8"))

    def of(self, measured):
        return next((entry["because"] for entry in self.entries if explains(entry, measured)), UNEXPLAINED)


def explains(entry, measured):
    row = measured.row
    cells = {"part": row["part"], **row["settings"]}
    return (entry["study"] == measured.study.stem and entry["predicted"] == ("slow" if row["error"] > 0 else "fast") and
            all(agrees(cells.get(column, ""), wanted) for column, wanted in entry["where"].items()))


def agrees(found, wanted):
    """Numbers however they are written; of a list any."""
    if isinstance(wanted, list):
        return any(agrees(found, one) for one in wanted)
    return found == wanted or (as_number(wanted) is not None and as_number(found) == as_number(wanted))


def statistics(of):
    if not of["compared"]:
        return ["–"] * (len(HEADING) - 2)
    numbers = [per_cent(of[key]) for key in ("mean_absolute_error", "median_absolute_error", "percentile_95")]
    numbers += [signed(of["bias"])]
    numbers += [per_cent(of["within_%d_percent" % share]) for share in (5, 10, 20)]
    rank = of["rank_correlation"]
    return [*numbers, "–" if rank is None else "%.3f" % rank]


def line_of(study):
    of = study.all
    return [study.name, str(of["compared"]), str(of["cannot_run"] + of["failed"]), *statistics(of)]


def of_kind(studies, kind):
    return [study for study in studies if study.kind == kind]


def summary(studies):
    tables = []
    for kind in KINDS:
        chosen = of_kind(studies, kind)
        published = [PUBLISHED.get(study.stem, "") for study in chosen]
        rows = []
        for study, others in zip(chosen, published):
            name, *figures = line_of(study)
            link = "[%s](../tests/validation/%s.yaml)" % (name, study.stem)
            rows.append([link, *figures, study.limit, *([others] if any(published) else [])])
        heading = [kind, *HEADING, "limit of the mean", *(["published"] if any(published) else [])]
        tables.append(markdown(heading, rows, HEADING))
    return "\n\n".join(tables)


def groups(studies):
    rows = [[study.name, group["name"], str(group["compared"]), *statistics(group)]
            for kind in KINDS for study in of_kind(studies, kind) for group in study.groups]
    return markdown(["study", "of it", "rows", *HEADING[2:]], rows, HEADING)


def readme(studies):
    rows = []
    for kind in KINDS:
        for study in of_kind(studies, kind):
            _, compared, _, mean, median, p95, bias, *_ = line_of(study)
            rows.append([study.name, compared, mean, median, p95, bias, PUBLISHED.get(study.stem, "")])
    return markdown(["", "rows", "mean", "median", "95 %", "bias", "published"], rows, HEADING)


def all_studies(studies):
    """As `rehearse validate --summary` ends."""
    rows = [["", *HEADING], *(line_of(study) for study in sorted(studies, key=lambda study: study.stem))]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(text.ljust(width) if i == 0 else text.rjust(width)
                       for i, (text, width) in enumerate(zip(row, widths))) for row in rows]
    return "\n".join(["```", "$ rehearse validate tests/validation/*.yaml --summary", "...", "", "All studies",
                      *("  " + line for line in lines), "```"])


def by_error(measured):
    return sorted(measured, key=lambda one: -abs(one.row["error"]))


def number(value):
    return "%.4g" % value if value < 10000 else "%.0f" % value


def cells_of(one):
    return [one.study.name, one.label, "%s %s" % (number(one.row["measured"]), one.unit), number(one.row["predicted"]),
            signed(one.row["error"])]


ROW = ["study", "row", "measured", "predicted", "error"]


def worst_table(found, explanations):
    """Rows are numbered, and what was said of one is not said again."""
    rows, said = [], {}
    for place, one in enumerate(found, 1):
        why = explanations.of(one)
        first = said.setdefault(why, place)
        rows.append([str(place), *cells_of(one), why if first == place or why == UNEXPLAINED else "as row %d" % first])
    return markdown(["", *ROW, "why"], rows, ["", *ROW[2:]])


def small(studies, most):
    """All rows of the studies of training runs that have few."""
    chosen = [study for study in of_kind(studies, "training") if len(study.rows) <= most]
    return markdown(ROW, [cells_of(one) for study in chosen for one in study.measured()], ROW[2:])


def worst_rows(studies, count):
    """Of all training runs together."""
    return by_error(one for study in of_kind(studies, "training") for one in study.measured())[:count]


def worst_of_each(studies, count):
    return [one for study in of_kind(studies, "training") for one in by_error(study.measured())[:count]]


def cannot_run(studies):
    """The rows that were not predicted, with the reason; of failures, too."""
    rows = [[study.name, study.label(row), row.get("reason", "")]
            for study in studies for row in study.rows if row["error"] is None]
    return markdown(["study", "row", "reason"], rows, ()) if rows else "None."


def fitted():
    """What the profiles say of their numbers that are fitted; of those that lie over others only what is their own."""
    rows = []
    for folder in PROFILES:
        for path in sorted((ROOT / folder).glob("*.yaml")):
            rows += [["[%s](../%s)" % (path.stem, path.relative_to(ROOT)), section or "all", origin]
                     for section, origin in origins(path.read_text(encoding="utf-8")) if "fitted by" in origin]
    return markdown(["profile", "section", "its `origin`"], rows, ())


def origins(text):
    """Section and text of each `origin` of a profile."""
    stack, lines = [], text.splitlines()
    for at, line in enumerate(lines):
        key = re.match(r"( *)([\w-]+):\s*(.*)$", line)
        if not key:
            continue
        depth = len(key[1])
        stack = [(d, name) for d, name in stack if d < depth]
        if key[2] == "origin":
            more = []
            while at + 1 < len(lines) and len(lines[at + 1]) - len(lines[at + 1].lstrip()) > depth:
                at += 1
                more.append(lines[at].strip())
            yield ".".join(name for _, name in stack), " ".join([key[3], *more]).strip().strip('"')
        stack.append((depth, key[2]))


def structure():
    import table_structure  # needs numpy
    return table_structure.markdown()
