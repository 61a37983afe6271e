#!/usr/bin/env python3
"""Good command lines: outputs in their places and nothing else there.

Usage: good_paths.py PROGRAM
"""

import csv
import io
import json
import sys
import unittest

from support import Workplace

PROGRAM = ""
# The keys of the program's contract.
KEYS = ["iteration_time_s", "tokens_per_s", "samples_per_s", "tflops_per_gpu", "mfu", "memory_peak_bytes", "memory",
        "breakdown_s", "ops", "flows", "wall_s", "scenario", "version"]
BREAKDOWN = ["compute", "tensor_comm", "context_comm", "expert_comm", "pipeline_comm", "data_comm", "offload", "bubble",
             "optimizer"]


class GoodPaths(unittest.TestCase):
    def setUp(self):
        self.place = Workplace(PROGRAM)
        self.addCleanup(self.place.folder.cleanup)

    def run_program(self, *arguments):
        """Standard output of a run that succeeds and has nothing to complain of."""
        status, out, err = self.place.run(*arguments)
        self.assertEqual((status, err), (0, ""))
        return out

    def result(self, *arguments):
        return json.loads(self.run_program("run", "small.yaml", "--json", "-", *arguments))

    def test_json_alone_on_standard_output(self):
        result = self.result()
        self.assertEqual([key for key in KEYS if key not in result], [])
        self.assertEqual(sorted(result["breakdown_s"]), sorted(BREAKDOWN))
        self.assertAlmostEqual(sum(result["breakdown_s"].values()) / result["iteration_time_s"], 1, delta=1e-9)
        self.assertEqual(sum(result["memory"].values()), result["memory_peak_bytes"])
        self.assertEqual(result["scenario"]["plan"]["data"], 2)  # not in the file: filled in
        self.assertEqual(sorted(self.place.files()), [str(self.place.path), str(self.place.path / "small.yaml")])

    def test_csv_alone_on_standard_output(self):
        rows = list(csv.reader(io.StringIO(self.run_program("run", "small.yaml", "--csv", "-"))))
        self.assertEqual(len(rows), 2)
        row = dict(zip(*rows, strict=True))
        self.assertEqual(row["name"], "small")
        self.assertAlmostEqual(float(row["iteration_time_s"]), self.result()["iteration_time_s"], delta=1e-12)

    def test_files_and_a_report(self):
        out = self.run_program("run", "small.yaml", "--json", "a.json", "--csv", "b.csv", "--trace", "c.pftrace")
        self.assertIn("small", out)
        self.assertNotIn("\x1b", out)  # no colours where nobody sees them
        self.assertGreater((self.place.path / "c.pftrace").stat().st_size, 1000)
        self.assertEqual(json.loads((self.place.path / "a.json").read_text())["name"], "small")
        self.assertEqual(len(self.place.files()), 5)
        self.assertEqual(self.run_program("run", "small.yaml", "--json", "a.json", "-q"), "")

    def test_version_and_help(self):
        self.assertRegex(self.run_program("--version"), r"^\d+\.\d+\.\d+\n$")
        self.assertIn("run", self.run_program("--help"))
        self.assertIn("--set", self.run_program("run", "--help"))
        self.assertEqual(self.result()["version"], self.run_program("--version").strip())

    def test_lists(self):
        expected = {"models": "gpt3-175b", "devices": "a100-80gb-sxm", "nodes": "dgx-a100", "clusters": "selene",
                    "topologies": "fat_tree", "collectives": "all_reduce ring", "schedules": "1f1b",
                    "scenarios": "quickstart"}
        for catalogue, name in expected.items():
            lines = self.run_program("list", catalogue).splitlines()
            self.assertTrue(any(line.startswith(name + " ") for line in lines), (catalogue, name))
            for line in lines:
                self.assertRegex(line, r"^\S.*  \S", f"{catalogue}: every entry has a description")

    def test_a_scenario_by_name_and_by_path(self):
        by_name = json.loads(self.run_program("run", "quickstart", "--json", "-"))
        (self.place.path / "here").mkdir()
        self.place.write("here/mine.yaml", "base: quickstart\nname: mine\n")
        for path in ["here/mine.yaml", "./here/mine.yaml", str(self.place.path / "here/mine.yaml")]:
            mine = json.loads(self.run_program("run", path, "--json", "-"))
            self.assertEqual(mine["name"], "mine")
            self.assertEqual(mine["iteration_time_s"], by_name["iteration_time_s"])

    def test_settings_reach_every_section(self):
        plan = self.result("--set", "plan.tensor=4")
        self.assertEqual((plan["scenario"]["plan"]["tensor"], plan["scenario"]["plan"]["data"]), (4, 1))
        model = self.result("--set", "model.layers=8")
        self.assertEqual(model["scenario"]["model"]["layers"], 8)
        self.assertGreater(model["iteration_time_s"], self.result()["iteration_time_s"])
        base = self.result("--set", "model=gpt3-125m", "--set", "model.seq_len=128")
        self.assertEqual((base["scenario"]["model"]["hidden"], base["scenario"]["model"]["seq_len"]), (768, 128))
        fast = self.result("--set", "cluster.node.device.gemm.bf16.peak=3120 TFLOP/s")
        self.assertLess(fast["iteration_time_s"], self.result()["iteration_time_s"])
        nodes = ["--set", "cluster.nodes=4", "--set", "plan.global_batch=16", "--set", "plan.tensor=1"]
        slow = self.result(*nodes, "--set", "cluster.fabric={topology: fat_tree, radix: 16, oversubscription: 4}")
        self.assertGreater(slow["iteration_time_s"], self.result(*nodes)["iteration_time_s"])
        self.assertEqual(self.result("--set", "fidelity=fluid")["scenario"]["fidelity"], "fluid")
        again = self.result("--set", "plan.tensor=4", "--set", "plan.tensor=2")  # the last one counts
        self.assertEqual(again["scenario"]["plan"]["tensor"], 2)

    def test_buckets_of_gradients_and_the_calls_they_make(self):
        def gpu(*settings):
            return self.result("--set", "plan.tensor=1", *settings)["simulated_gpus"][0]

        whole, buckets = gpu(), gpu("--set", "plan.bucket_size=1 MB")
        self.assertEqual(whole["gradient_reductions"], 1)
        self.assertEqual(whole["gradient_tensors"], buckets["gradient_tensors"])
        calls = [use for use in buckets["collectives"] if use["group"] == "data"]
        self.assertEqual(sum(use["calls"] for use in calls), buckets["gradient_reductions"])
        payload = sum(use["bytes"] for use in calls)  # padded by less than an element a rank and channel
        self.assertAlmostEqual(payload / 1e6, buckets["gradient_reductions"], delta=1)
        self.assertAlmostEqual(payload, sum(use["bytes"] for use in whole["collectives"] if use["group"] == "data"),
                               delta=1e-3 * payload)
        self.assertEqual({use["op"] for use in calls}, {"all_reduce"})
        ring = gpu("--set", "collectives={all_reduce: ring, protocol: simple}", "--set", "fidelity=fluid")
        self.assertEqual({(use["algorithm"], use["protocol"], use["fidelity"]) for use in ring["collectives"]},
                         {("ring", "simple", "fluid")})

    def test_the_resolved_scenario_gives_the_same_result(self):
        first = self.result("--set", "model=gpt3-125m", "--set", "cluster.nodes=2", "--set", "plan.recompute=full")
        self.place.write("again.yaml", json.dumps(first["scenario"]))  # JSON is YAML
        again = json.loads(self.run_program("run", "again.yaml", "--json", "-"))
        self.assertEqual({**first, "wall_s": 0}, {**again, "wall_s": 0})

    def test_the_same_bytes_twice(self):
        def without_wall(text):
            return [line for line in text.splitlines() if '"wall_s"' not in line]
        once, twice = (self.run_program("run", "quickstart", "--json", "-") for _ in range(2))
        self.assertEqual(len(without_wall(once)), len(once.splitlines()) - 1)
        self.assertEqual(without_wall(once), without_wall(twice))

    def test_exact_is_the_same_and_larger(self):
        small, exact = self.result(), self.result("--exact")
        self.assertAlmostEqual(small["iteration_time_s"] / exact["iteration_time_s"], 1, delta=1e-9)
        self.assertEqual((len(small["simulated_gpus"]), len(exact["simulated_gpus"])), (2, 8))
        self.assertGreater(exact["ops"], small["ops"])

    def test_memory_may_be_ignored(self):
        arguments = ["run", "small.yaml", "--json", "-", "--set", "cluster.node.device.memory.capacity=10 MB"]
        self.assertEqual(self.place.run(*arguments)[0], 3)
        status, out, err = self.place.run(*arguments, "--ignore-memory")
        self.assertEqual(status, 0)
        self.assertGreater(json.loads(out)["memory_peak_bytes"], 10e6)
        self.assertRegex(err, r"^rehearse: small.yaml:6: plan: stage 0 does not fit in memory: .* \(ignored\)\n$")

    def test_an_output_keeps_link_and_permissions(self):
        self.place.write("real.json", "before")
        (self.place.path / "real.json").chmod(0o640)
        (self.place.path / "link.json").symlink_to("real.json")
        self.run_program("run", "small.yaml", "-q", "--json", "link.json")
        self.assertTrue((self.place.path / "link.json").is_symlink())
        self.assertEqual((self.place.path / "real.json").stat().st_mode & 0o777, 0o640)
        self.assertEqual(json.loads((self.place.path / "real.json").read_text())["name"], "small")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: good_paths.py PROGRAM")
    PROGRAM = sys.argv.pop(1)
    unittest.main()
