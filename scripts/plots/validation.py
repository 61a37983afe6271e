"""What `rehearse validate --json` writes, as the rows that --csv has."""

import json


def rows_of_json(text):
    """Columns, and for each row its line in the measured table and its cells. Raises as json does, or KeyError,
    TypeError or IndexError, where the text is something else."""
    rows = [row for study in json.loads(text)["studies"] for row in rows_of_study(study)]
    settings = list(dict.fromkeys(column for _, _, shown in rows for column in shown))
    columns = ["study", "part", "table", "line", *settings,
               "figure", "unit", "measured", "predicted", "error", "reason", "way"]
    return columns, [(line, {column: {**shown, **cells}.get(column, "") for column in columns})
                     for line, cells, shown in rows]


def rows_of_study(study):
    parts = {part["name"]: part for part in study["parts"]}
    for row in study["rows"]:
        part = parts[row["part"]]
        cells = {"study": study["name"], "part": row["part"], "table": part["table"], "line": str(row["line"]),
                 "figure": part["figure"], "unit": part["unit"], "reason": row.get("reason", ""),
                 "way": row.get("way", "")}
        for figure in ("measured", "predicted", "error"):
            cells[figure] = "" if row[figure] is None else repr(float(row[figure]))
        yield row["line"], cells, row["settings"]
