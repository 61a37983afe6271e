#!/usr/bin/env python3
"""rehearse validate: studies that hold, studies that do not, and studies that are wrong.

Usage: validate.py PROGRAM
"""

import csv
import io
import json
import sys
import unittest

from support import CRASH, Workplace

PROGRAM = ""

COLLECTIVE = """\
name: rings
collective: {op: all_reduce, cluster: dgx-a100, algorithm: ring}
table: t.csv
columns: {gpus: ranks, size: {key: bytes, unit: KiB}}
measured: {column: us, unit: us}
"""
TABLE = "# made up\ngpus,size,us\n2,64,20\n4,64,30\n8,1024,100\n"

TRAINING = """\
scenario: small.yaml
table: t.csv
columns: {tp: plan.tensor}
set: {plan.data: null}
measured: {column: ms, unit: ms}
"""


class Validate(unittest.TestCase):
    def setUp(self):
        self.place = Workplace(PROGRAM)
        self.addCleanup(self.place.folder.cleanup)

    def study(self, study, table=TABLE):
        self.place.write("s.yaml", study)
        if table is not None:
            self.place.write("t.csv", table)

    def run_json(self, *arguments, status=0, study="s.yaml"):
        found, out, err = self.place.run("validate", study, "--json", "-", *arguments)
        self.assertEqual(found, status, err)
        return json.loads(out)["studies"][0], err

    def errors(self, study, table=TABLE, arguments=()):
        """What a bad study is told, without 'rehearse: '."""
        self.study(study, table)
        status, out, err = self.place.run("validate", "s.yaml", *arguments)
        self.assertEqual((status, out), (2, ""), err)
        for word in CRASH:
            self.assertNotIn(word, err)
        return [line.removeprefix("rehearse: ") for line in err.splitlines()]

    def one_error(self, message, study, table=TABLE, arguments=()):
        lines = self.errors(study, table, arguments)
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(message, lines[0])

    def collective_time(self, ranks, size):
        status, out, _ = self.place.run("collective", "--cluster", "dgx-a100", "--algorithm", "ring", "--ranks", ranks,
                                        "--bytes", size, "--json", "-")
        self.assertEqual(status, 0)
        return out

    def test_rows_are_what_the_collective_command_says(self):
        self.study(COLLECTIVE)
        result, err = self.run_json()
        self.assertEqual(err, "")
        self.assertEqual([row["line"] for row in result["rows"]], [3, 4, 5])
        self.assertEqual(result["rows"][2]["settings"], {"gpus": "8", "size": "1024"})
        points = [json.loads(self.collective_time(n, size))["results"][0] for n, size in
                  [("2", "64KiB"), ("4", "64KiB"), ("8", "1MiB")]]
        for row, point in zip(result["rows"], points):
            time = point["time_us"]
            self.assertAlmostEqual(row["predicted"] / time, 1, delta=1e-9)
            self.assertAlmostEqual(row["error"], time / row["measured"] - 1, delta=1e-9)
        errors = [abs(row["error"]) for row in result["rows"]]
        self.assertAlmostEqual(result["statistics"][-1]["mean_absolute_error"], sum(errors) / 3, delta=1e-12)

    def test_training_runs_and_rows_that_cannot_run(self):
        self.study(TRAINING, "tp,ms\n1,10\n8,10\n2,10\n")
        result, _ = self.run_json()
        self.assertEqual([row["state"] for row in result["rows"]], ["compared", "cannot_run", "compared"])
        self.assertIn("the cluster has 8", result["rows"][1]["reason"])
        self.assertIsNone(result["rows"][1]["predicted"])
        all_rows = result["statistics"][-1]
        self.assertEqual((all_rows["rows"], all_rows["compared"], all_rows["cannot_run"]), (3, 2, 1))
        for row, tensor in [(result["rows"][0], 1), (result["rows"][2], 2)]:
            out = self.place.run("run", "small.yaml", "--set", f"plan.tensor={tensor}", "--json", "-")[1]
            self.assertAlmostEqual(row["predicted"], json.loads(out)["iteration_time_s"] * 1e3, delta=1e-9)

    def test_rows_that_do_not_fit_in_memory_are_listed(self):
        self.study(TRAINING + "  \n", "tp,ms\n1,10\n")
        self.place.write("s.yaml", TRAINING.replace("plan.data: null", "cluster.node.device.memory.capacity: 10 MB"))
        status, out, err = self.place.run("validate", "s.yaml")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("cannot run: plan: stage 0 does not fit in memory", out)

    def test_the_error_of_a_throughput_is_of_its_time(self):
        self.study(TRAINING.replace("{column: ms, unit: ms}", "{column: rate, is: samples_per_s}"), "tp,rate\n2,100\n")
        row = self.run_json()[0]["rows"][0]
        self.assertAlmostEqual(row["error"], row["measured"] / row["predicted"] - 1, delta=1e-12)

    def test_the_least_of_two_columns(self):
        table = "gpus,size,us,again\n2,64,20,15\n4,64,30,40\n"
        for take, expected in [("", [15, 30]), (", take: mean", [17.5, 35]), (", take: most", [20, 40])]:
            self.study(COLLECTIVE.replace("column: us", f"columns: [us, again]{take}"), table)
            self.assertEqual([row["measured"] for row in self.run_json()[0]["rows"]], expected)

    def test_parts_and_groups(self):
        self.study(COLLECTIVE + "parts:\n  - {name: two, where: {gpus: 2}}\n"
                   "  - {name: more, where: {gpus: [4, 8]}, collective: {protocol: simple}}\n"
                   "groups: {small: {size: {below: 1024}}}\n")
        result, _ = self.run_json()
        self.assertEqual([(s["name"], s["rows"]) for s in result["statistics"]],
                         [("two", 1), ("more", 2), ("small", 2), ("all", 3)])
        self.assertEqual([row["part"] for row in result["rows"]], ["two", "more", "more"])
        self.assertNotIn("ll", result["rows"][1]["way"])

    def test_limits(self):
        for limits, status in [("{mean_absolute_error: 99 %, rows: 3}", 0), ("{mean_absolute_error: 0.1 %}", 1),
                               ("{rows: 4}", 1), ("{big: {bias: 0 %}}", 1), ("{rank_correlation: 0.9}", 0)]:
            self.study(COLLECTIVE + f"groups: {{big: {{size: 1024}}}}\nlimits: {limits}\n")
            _, err = self.run_json(status=status)
            self.assertEqual(len(err.splitlines()), status)

    def test_checks_hold_the_run_to_the_table(self):
        study = TRAINING + "check: {layers: model.layers, gpus: gpus, dp: plan.data}\n"
        self.study(study, "tp,layers,gpus,dp,ms\n2,4,8,2,10\n")
        self.assertEqual(self.run_json()[1], "")
        self.study(study, "tp,layers,gpus,dp,ms\n2,5,8,2,10\n2,4,8,4,10\n")
        result, err = self.run_json(status=1)
        self.assertEqual(err.splitlines(), ["rehearse: t.csv:2: model.layers is 4, the table has layers 5",
                                            "rehearse: t.csv:3: plan.data is 2, the table has dp 4"])
        self.assertEqual(result["rows"][0]["wrong"], ["model.layers is 4, the table has layers 5"])

    def test_a_scenario_named_by_a_column(self):
        self.study("scenario: '{model}{n}.yaml'\ntable: t.csv\nmeasured: {column: ms, unit: ms}\n"
                   "set: {plan: {tensor: 1}}\n", "model,n,ms\nsmall,2.0,10\n")
        (self.place.path / "small.yaml").rename(self.place.path / "small2.yaml")
        self.assertEqual(self.run_json()[0]["rows"][0]["state"], "compared")

    def test_another_table(self):
        self.study(COLLECTIVE + "limits: {rows: 50}\n")  # of the study's own table
        self.place.write("other.csv", "us,size,gpus\n10,1,2\n")
        result, _ = self.run_json("--table", "other.csv")
        self.assertEqual([(row["measured"], row["settings"]["gpus"]) for row in result["rows"]], [(10, "2")])

    def test_the_same_whatever_the_number_of_workers(self):
        self.study(COLLECTIVE)
        first = self.place.run("validate", "s.yaml", "-j", "1")
        self.assertEqual(first, self.place.run("validate", "s.yaml", "-j", "7"))
        self.assertEqual(first[0], 0)

    def test_text_markdown_csv_and_several_studies(self):
        self.study(COLLECTIVE)
        self.place.write("u.yaml", COLLECTIVE.replace("rings", "again"))
        status, out, err = self.place.run("validate", "s.yaml", "u.yaml", "--csv", "rows.csv", "--markdown")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("## All studies", out)
        self.assertIn("| gpus | size | measured us | predicted us |", out)
        rows = list(csv.DictReader(io.StringIO((self.place.path / "rows.csv").read_text())))
        self.assertEqual([row["study"] for row in rows], ["rings"] * 3 + ["again"] * 3)
        self.assertEqual(rows[2]["gpus"], "8")
        status, out, _ = self.place.run("validate", "s.yaml", "--summary")
        self.assertNotIn("predicted us", out)
        self.assertIn("correlation", out)

    def test_what_is_wrong_with_a_study(self):
        self.one_error("s.yaml:3: table: no such file: 'none.csv'", COLLECTIVE.replace("t.csv", "none.csv"))
        self.one_error("t.csv: the table has no rows", COLLECTIVE, "gpus,size,us\n")
        self.one_error("t.csv: an empty table", COLLECTIVE, "")
        self.one_error("s.yaml:5: measured.column: unknown column 'us'; did you mean 'ns'?", COLLECTIVE,
                       TABLE.replace("us\n", "ns\n"))
        self.one_error("s.yaml:4: columns.gpus: unknown column 'gpus'; did you mean 'us'? one of: ranks", COLLECTIVE,
                       TABLE.replace("gpus", "ranks"))
        self.one_error("t.csv:4: us: expected a number above 0, found 'n/a'", COLLECTIVE, TABLE.replace("30", "n/a"))
        self.one_error("t.csv:4: us: expected a number above 0, found '0'", COLLECTIVE, TABLE.replace("30", "0"))
        self.one_error("t.csv:4: ranks: ", COLLECTIVE, TABLE.replace("4,64", "four,64"))
        self.one_error("t.csv:4: gpus: an empty cell", COLLECTIVE, TABLE.replace("4,64", ",64"))
        self.one_error("t.csv:4: 2 cells; expected 3", COLLECTIVE, TABLE.replace("4,64", "4"))
        self.one_error("s.yaml:5: measured.unit: unknown unit 'GB/s'", COLLECTIVE.replace("unit: us", "unit: GB/s"))
        self.one_error("s.yaml:5: measured.unit: missing", COLLECTIVE.replace(", unit: us", ""))
        self.one_error("s.yaml:5: measured.is: unknown figure 'busbv'; did you mean 'busbw'?",
                       COLLECTIVE.replace("unit: us", "is: busbv, unit: us"))
        self.one_error("s.yaml:4: columns.size: 'ranks' is set by the column 'gpus' already",
                       COLLECTIVE.replace("key: bytes", "key: ranks").replace(", unit: KiB", ""))
        self.one_error("s.yaml:4: columns.gpus: ranksss: unknown key; did you mean 'ranks'?",
                       COLLECTIVE.replace("gpus: ranks", "gpus: ranksss"))
        self.one_error("s.yaml:6: where.gpu: unknown column 'gpu'; did you mean 'gpus'?",
                       COLLECTIVE + "where: {gpu: 2}\n")
        self.one_error("where: no row of t.csv is left", COLLECTIVE + "where: {gpus: 3}\n")
        self.one_error("s.yaml:6: limit: unknown key; did you mean 'limits'?", COLLECTIVE + "limit: {rows: 1}\n")
        self.one_error("limits.mean_absolute_error: expected a share, e.g. '10 %'",
                       COLLECTIVE + "limits: {mean_absolute_error: 10}\n")
        self.one_error("limits.mean: unknown statistic, part or group 'mean'", COLLECTIVE + "limits: {mean: 10 %}\n")
        self.one_error("missing; expected `collective` or `scenario`", COLLECTIVE.replace("collective:", "# "))
        self.one_error("a row is one collective", COLLECTIVE.replace("gpus: ranks, ", ""), TABLE.replace("64", "8:64"))
        self.one_error("--table stands for the table of one study", COLLECTIVE, arguments=["s.yaml", "--table", "t.csv"])
        self.one_error("nowhere.yaml: cannot read", COLLECTIVE, arguments=["nowhere.yaml"])

    def test_what_is_wrong_with_a_training_study(self):
        table = "tp,ms\n2,10\n1,10\n"
        self.one_error("t.csv:2: plan.tensor: expected a whole number, found 'two'", TRAINING,
                       table.replace("2,", "two,"))
        self.one_error("s.yaml:3: columns.tp: plan.tensr: unknown key; did you mean 'tensor'?",
                       TRAINING.replace("plan.tensor", "plan.tensr"), table)
        self.one_error("s.yaml:6: check.ms: 'plan.data_' is no figure and no key", TRAINING +
                       "check: {ms: plan.data_}\n", table)
        self.one_error("s.yaml:1: scenario: unknown column 'size'; one of: tp, ms",
                       TRAINING.replace("small.yaml", "'sc21-{size}b'"), table)
        self.one_error("s.yaml:1: scenario: unknown scenario 'sc21-3b'",
                       TRAINING.replace("small.yaml", "'sc21-{tp}b'"), table.replace("2,", "3,").replace("1,10\n", ""))

    def test_all_faults_at_once(self):
        lines = self.errors(COLLECTIVE.replace("gpus: ranks", "gpu: ranks") + "limits: {rows: none}\n",
                            TABLE.replace("us\n", "ns\n"))
        self.assertEqual(len(lines), 3, lines)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: validate.py PROGRAM")
    PROGRAM = sys.argv.pop(1)
    unittest.main()
