#!/usr/bin/env python3
"""scripts/accuracy.py: what it makes of the results of studies, and what it does to documents.

Usage: accuracy_page.py PROGRAM      exit status 77: no Python here has matplotlib
"""

import contextlib
import io
import json
import re
import unittest
from pathlib import Path

from plot_support import PROGRAM, run_tests
from support import Workplace

import accuracy
import accuracy_sections as sections

FOLDER = sections.ROOT / "tests/validation"
# Studies of each kind, with limits of each kind, and the rows of them that are quick.
STUDIES = {"korthikanti2022_table4": "", "nccl_a100_40gb": "", "nccl_a100_sendrecv": "",
           "sc21": "where: {params_B: [1.7, 3.6, 7.5]}\n", "zero_bubble_memory": ""}
PROFILE = """\
name: x
first:
  a: 1     # fitted
  origin: "one"
second:
  deep:
    origin: two lines,
      of one text
  origin: three
origin: "four"
"""


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with Workplace(PROGRAM[0]) as place:
            for name, where in STUDIES.items():
                text = (FOLDER / (name + ".yaml")).read_text(encoding="utf-8")
                place.write(name + ".yaml", where + text.replace("table: ", "table: %s/" % FOLDER))
            files = [str(place.path / (name + ".yaml")) for name in STUDIES]
            _, cls.report, err = place.run("validate", *files, "--summary", "--json", "r.json")
            assert (place.path / "r.json").exists(), err
            results = json.loads((place.path / "r.json").read_text(encoding="utf-8"))
            cls.studies = {study.stem: study for study in map(sections.Study, results["studies"])}

    def test_kinds_and_limits(self):
        self.assertEqual({stem: (study.kind, study.limit) for stem, study in self.studies.items()},
                         {"korthikanti2022_table4": ("kernels", "by group"), "nccl_a100_40gb": ("collectives", "none"),
                          "nccl_a100_sendrecv": ("collectives", "by group"), "sc21": ("training", "4 %"),
                          "zero_bubble_memory": ("memory", "15 %")})

    def test_all_studies_as_the_program_has_them(self):
        wanted = self.report[self.report.index("All studies\n"):].rstrip("\n")
        found = sections.all_studies(list(self.studies.values()))
        self.assertIn(wanted, found)

    def test_worst_rows(self):
        study = self.studies["sc21"]
        errors = {row["settings"]["params_B"]: row["error"] for row in study.rows}
        worst = sections.worst_rows(self.studies.values(), 2)
        self.assertEqual([one.row["settings"]["params_B"] for one in worst],
                         sorted(errors, key=lambda name: -abs(errors[name]))[:2])
        self.assertRegex(worst[0].label, r"^params B [\d.]+$")  # it tells rows apart by itself

    def test_explanations(self):
        study, found = self.studies["sc21"], sections.Explanations()
        one = study.measured()[0]
        model, sign = one.row["settings"]["params_B"], "slow" if one.row["error"] > 0 else "fast"
        entry = {"study": "sc21", "where": {"params_B": [3, float(model)]}, "predicted": sign, "because": "so"}
        for change, wanted in (({}, "so"), ({"study": "x"}, sections.UNEXPLAINED),
                               ({"where": {"params_B": -1}}, sections.UNEXPLAINED),
                               ({"where": {"part": "y"}}, sections.UNEXPLAINED),
                               ({"predicted": "fast" if sign == "slow" else "slow"}, sections.UNEXPLAINED)):
            found.entries = [{**entry, **change}]
            self.assertEqual(found.of(one), wanted, change)

    def test_explanations_are_of_studies_and_their_columns(self):
        for entry in sections.Explanations().entries:
            text = (FOLDER / (entry["study"] + ".yaml")).read_text(encoding="utf-8")
            self.assertIn(entry["predicted"], ("slow", "fast"))
            for column, values in entry["where"].items():
                found = re.escape(column) if column != "part" else "name"
                for value in values if isinstance(values, list) and column == "part" else [""]:
                    self.assertRegex(text, r'(?m)^\s+(- )?"?%s"?:\s.*%s' % (found, re.escape(value)), entry)

    def test_origins(self):
        self.assertEqual(list(sections.origins(PROFILE)),
                         [("first", "one"), ("second.deep", "two lines, of one text"), ("second", "three"),
                          ("", "four")])

    def test_only_marked_text_is_replaced(self):
        text = "a\n<!-- accuracy:begin x -->\nold\n<!-- accuracy:end x -->\nb\n"
        new = accuracy.replaced("f", text, "x", "new \\1")
        self.assertEqual(new, text.replace("old", "new \\1"))
        self.assertEqual(accuracy.replaced("f", new, "x", "new \\1"), new)
        for wrong in (text + text, text.replace("end x", "end y"), ""):
            with self.assertRaises(accuracy.Stop):
                accuracy.replaced("f", wrong, "x", "new")

    def test_documents_have_the_sections(self):
        documents = accuracy.texts(list(self.studies.values()))
        with contextlib.redirect_stdout(io.StringIO()):
            stale = accuracy.update(documents, check=True)
        self.assertIn("README.md: summary", stale)  # of other studies
        for file, of_file in documents.items():
            marked = re.findall(r"<!-- accuracy:begin (\S+) -->", Path(sections.ROOT, file).read_text(encoding="utf-8"))
            self.assertEqual(sorted(marked), sorted(of_file))


if __name__ == "__main__":
    run_tests()
