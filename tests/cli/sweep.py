#!/usr/bin/env python3
"""rehearse sweep: rows, their order, what goes wrong, and how one that was killed goes on.

Usage: sweep.py PROGRAM
"""

import csv
import io
import json
import signal
import subprocess
import sys
import time
import unittest

from support import CRASH, Workplace

PROGRAM = ""

STUDY = """\
name: small plans
base: small.yaml
axes:
  plan.tensor: [1, 2, 4, 3, none]
  micro batch:
    - {label: one, set: {plan.micro_batch: 1}}
    - {label: two, set: {plan.micro_batch: 2, plan.recompute: full}}
"""
# Each point takes long enough that a kill in the middle finds some done and some not.
LONG_STUDY = "base: training-step-64\naxes: {plan.global_batch: {from: 64, to: 1280, step: 64}}\n"


class Sweep(unittest.TestCase):
    def setUp(self):
        self.place = Workplace(PROGRAM)
        self.addCleanup(self.place.folder.cleanup)

    def sweep(self, *arguments, study=STUDY, status=0):
        """(standard output, standard error)"""
        self.place.write("s.yaml", study)
        found, out, err = self.place.run("sweep", "s.yaml", *arguments)
        self.assertEqual(found, status, err)
        for word in CRASH:
            self.assertNotIn(word, err)
        return out, err

    def rows(self, *arguments, study=STUDY):
        return list(csv.DictReader(io.StringIO(self.sweep("--csv", "-", *arguments, study=study)[0])))

    def errors(self, study, *arguments):
        """What a bad study is told, without 'rehearse: '; nothing is simulated or written."""
        self.place.write("s.yaml", study)
        before = self.place.files()
        out, err = self.sweep(*arguments, study=study, status=2)
        self.assertEqual(out, "")
        self.assertEqual(self.place.files(), before)
        return [line.removeprefix("rehearse: ") for line in err.splitlines()]

    def one_error(self, message, study, *arguments):
        lines = self.errors(study, *arguments)
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(message, lines[0])

    def test_rows_are_what_run_says(self):
        rows = self.rows()
        self.assertEqual([row["status"] for row in rows], ["ok"] * 6 + ["plan cannot run"] * 2 + ["bad input"] * 2)
        self.assertEqual([row["micro batch"] for row in rows], ["one", "two"] * 5)
        self.assertIn("the cluster has 8", rows[6]["reason"])
        self.assertIn("plan.tensor: expected a whole number, found 'none'", rows[8]["reason"])
        out = self.place.run("run", "small.yaml", "--set", "plan.tensor=4", "--set", "plan.micro_batch=2", "--set",
                             "plan.recompute=full", "--csv", "-")[1]
        run = next(csv.DictReader(io.StringIO(out)))
        del run["wall_s"]
        self.assertEqual({key: rows[5][key] for key in run}, run)
        self.assertEqual(list(rows[0]), ["index", "plan.tensor", "micro batch", *run, "status", "reason",
                                         "fingerprint"])

    def test_the_same_bytes_whatever_the_number_of_workers(self):
        first = self.sweep("-j", "1", "--csv", "1.csv", "--json", "1.json")
        self.assertEqual(first, self.sweep("-j", "2", "--csv", "2.csv", "--json", "2.json"))
        self.assertEqual(first, self.sweep("-j", "16", "--csv", "3.csv", "--json", "3.json"))
        files = self.place.files()
        for kind in ("csv", "json"):
            of_kind = {content for name, content in files.items() if name.endswith(kind)}
            self.assertEqual(len(of_kind), 1)
        self.assertNotIn("part", "".join(files))

    def test_text_and_json(self):
        out, err = self.sweep("--json", "r.json")
        self.assertEqual(err, "")
        self.assertTrue(out.startswith("small plans\n"))
        self.assertIn("10 points: 6 ok, 2 plan cannot run, 2 bad input\n", out)
        best = [line for line in out.splitlines() if line.endswith("<- best")]
        result = json.loads((self.place.path / "r.json").read_text())
        figures = [row.get("figures", {"tokens_per_s": 0})["tokens_per_s"] for row in result["rows"]]
        self.assertEqual([line.split()[0] for line in best], [str(figures.index(max(figures)))])
        self.assertEqual(result["rows"][1]["settings"],
                         {"plan.tensor": 1, "plan.micro_batch": 2, "plan.recompute": "full"})
        self.assertEqual(result["base"]["model"]["layers"], 4)
        self.assertEqual((result["points"], result["ok"]), (10, 6))
        self.assertEqual(self.sweep("-q")[0], "")

    def test_chosen_columns(self):
        out, _ = self.sweep(study=STUDY + "columns: [hfu, memory_weights_bytes]\n")
        self.assertIn("hfu", out.splitlines()[2])
        self.assertIn("memory_weights", out.splitlines()[2])
        self.assertNotIn("mfu", out)

    def test_settings_lie_over_the_base(self):
        rows = self.rows("--set", "model.layers=8")
        self.assertGreater(float(rows[0]["parameters"]), float(self.rows()[0]["parameters"]))

    def test_a_whole_section_is_replaced(self):
        base = ("base:\n  base: small.yaml\n  cluster: {nodes: 8, fabric: {topology: fat_tree, oversubscription: 2}}\n"
                "  plan: {global_batch: 64}\n")
        rows = self.rows(study=base + "axes:\n  cluster.fabric:\n    - {topology: torus, dimensions: [8, 8]}\n"
                         "    - {topology: ring}\n")
        self.assertEqual([(row["status"], row["cluster.fabric"]) for row in rows],
                         [("ok", "{topology: torus, dimensions: [8, 8]}"), ("ok", "{topology: ring}")])

    def test_what_is_wrong_is_said_before_anything_runs(self):
        self.one_error("s.yaml:4: plan.tensr: unknown key; did you mean 'tensor'?", STUDY.replace("tensor", "tensr"))
        self.one_error("s.yaml:2: base: unknown scenario 'smal'", STUDY.replace("small.yaml", "smal"))
        self.one_error("s.yaml:2: base: no such file: 'smal.yaml'", STUDY.replace("small.yaml", "smal.yaml"))
        self.one_error("no folder 'none'", STUDY, "--csv", "none/a.csv")
        self.one_error("--resume goes on with a table", STUDY, "--resume")
        self.one_error("--resume goes on with a table", STUDY, "--resume", "--csv", "-")
        self.one_error("only one of --json and --csv can go to standard output", STUDY, "--csv", "-", "--json", "-")
        self.one_error("no '='", STUDY, "--set", "plan")
        self.one_error("is set by --set plan.tensor=2 already", STUDY, "--set", "plan.tensor=2")
        lines = self.errors(STUDY.replace("[1, 2, 4, 3, none]", "[]").replace("small.yaml", "smal"), "--csv",
                            "none/a.csv")
        self.assertEqual(len(lines), 3, lines)

    def start(self, *arguments):
        return subprocess.Popen([self.place.program, "sweep", "long.yaml", "-j", "2", *arguments], cwd=self.place.path,
                                stdout=subprocess.DEVNULL)

    def kept_rows(self):
        part = self.place.path / "b.csv.part"
        return part.read_bytes().count(b"\n") - 1 if part.exists() else 0

    def test_one_that_was_killed_goes_on(self):
        self.place.write("long.yaml", LONG_STUDY)
        self.assertEqual(self.place.run("sweep", "long.yaml", "-q", "--csv", "a.csv")[0], 0)
        killed = self.start("--csv", "b.csv")
        while self.kept_rows() < 3 and killed.poll() is None:
            time.sleep(0.001)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        kept = self.kept_rows()
        self.assertGreaterEqual(kept, 3)
        self.assertFalse((self.place.path / "b.csv").exists())
        with open(self.place.path / "b.csv.part", "a", encoding="utf-8") as part:
            part.write("17,1088,GPT")  # torn
        self.assertEqual(self.place.run("sweep", "long.yaml", "-q", "--csv", "b.csv", "--resume")[0], 0)
        self.assertEqual((self.place.path / "b.csv").read_bytes(), (self.place.path / "a.csv").read_bytes())
        self.assertFalse((self.place.path / "b.csv.part").exists())

    def test_rows_that_are_there_are_not_simulated_again(self):
        self.sweep("--csv", "a.csv")
        table = (self.place.path / "a.csv").read_text()
        rows = list(csv.DictReader(io.StringIO(table)))
        marked = table.replace(rows[2]["iteration_time_s"], "12345.5")
        self.place.write("a.csv", marked)
        self.sweep("--csv", "a.csv", "--resume")
        self.assertEqual((self.place.path / "a.csv").read_text(), marked)
        # The point is the third no more, and another axis changes what all others are.
        self.sweep("--csv", "a.csv", "--resume", study=STUDY.replace("[1, 2, 4, 3, none]", "[4, 2]"))
        times = [row["iteration_time_s"] for row in csv.DictReader(io.StringIO((self.place.path / "a.csv").read_text()))]
        self.assertEqual([at for at, value in enumerate(times) if value == "12345.5"], [2])
        self.sweep("--csv", "a.csv", "--resume", "--set", "model.layers=8")
        self.assertNotIn("12345.5", (self.place.path / "a.csv").read_text())

    def test_faults_are_simulated_again_other_failures_are_kept(self):
        self.sweep("--csv", "a.csv")
        whole = (self.place.path / "a.csv").read_text()
        lines = whole.splitlines()
        failed = lines[1].split(",")
        figures = len(failed) - 6
        lines[1] = ",".join([*failed[:3], *[""] * figures, "fault", "the process was killed: Killed", ""])
        self.place.write("a.csv", "\n".join(lines).replace("the cluster has 8", "MARKED") + "\n")
        self.sweep("--csv", "a.csv", "--resume")
        self.assertEqual((self.place.path / "a.csv").read_text(), whole.replace("the cluster has 8", "MARKED"))

    def test_a_study_by_its_name(self):
        self.assertRegex(self.place.run("list", "studies")[1], "plans-16-gpus +tensor, pipeline")
        status, out, err = self.place.run("sweep", "plans-16-gpu")
        self.assertEqual((status, out), (2, ""))
        self.assertIn("unknown study 'plans-16-gpu'; did you mean 'plans-16-gpus'?", err)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: sweep.py PROGRAM")
    PROGRAM = sys.argv.pop(1)
    unittest.main()
