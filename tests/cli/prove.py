#!/usr/bin/env python3
"""Plans that are proved: what a person gets of `run --prove`.

Usage: prove.py PROGRAM
"""

import json
import sys
import unittest

from support import Workplace

PROGRAM = ""
TOLERANCE = 1e-10
# Large ones of other kinds than quickstart, which are made smaller.
SCENARIOS = ["llama3-70b-64-h100", "sc21-39.1b", "gpt3-1.3b-ring-8", "two-jobs"]


class Prove(unittest.TestCase):
    def setUp(self):
        self.place = Workplace(PROGRAM)
        self.addCleanup(self.place.folder.cleanup)

    def proof(self, scenario, *arguments):
        status, out, err = self.place.run("run", "--prove", scenario, "--json", "-", *arguments)
        self.assertEqual((status, err), (0, ""))
        return json.loads(out)

    def test_a_report(self):
        status, out, err = self.place.run("run", "--prove", "small.yaml")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("small\n", out)
        self.assertRegex(out, r"made smaller +.*hidden 512 -> \d+")
        self.assertRegex(out, r"carried out +8 ranks, [\d,]+ instructions, [\d,]+ collectives, [\d,]+ messages")
        self.assertRegex(out, r"largest error +loss .*, gradients .*, parameters .*, norm ")
        self.assertRegex(out, r"proved +every error is at most 1e-10")

    def test_json_has_the_errors(self):
        proof = self.proof("small.yaml")
        self.assertTrue(proof["proved"])
        (job,) = proof["jobs"]
        self.assertEqual((job["job"], job["proved"], job["faults"]), ("small", True, []))
        self.assertAlmostEqual(job["loss"], job["reference_loss"], delta=TOLERANCE * job["loss"])
        for key in ["loss_error", "gradient_error", "parameter_error", "norm_error"]:
            self.assertLessEqual(job[key], TOLERANCE)
        self.assertGreater(job["collectives"], 0)
        self.assertGreater(job["messages"], 0)

    def test_large_scenarios_and_several_jobs(self):
        for name in SCENARIOS:
            with self.subTest(name):
                proof = self.proof(name)
                self.assertTrue(proof["proved"])
                self.assertEqual(len(proof["jobs"]), 2 if name == "two-jobs" else 1)
                self.assertTrue(all(job["made_smaller"] for job in proof["jobs"]))

    def test_settings(self):
        for setting in ["schedule=zb_1p", "recompute=full", "sequence_parallel=true", "zero=1", "tensor=1"]:
            with self.subTest(setting):
                self.assertTrue(self.proof("small.yaml", "--set", f"plan.{setting}")["proved"])

    def test_a_framework_changes_nothing(self):
        ideal = self.proof("small.yaml")
        for framework in ["megatron-lm-2021", "fsdp-2023-amp", "{accumulation: fused, kernels: {softmax: 0}}"]:
            with self.subTest(framework):
                self.assertEqual(self.proof("small.yaml", "--set", f"framework={framework}"), ideal)

    def test_a_model_that_is_no_transformer(self):
        proof = self.proof("small.yaml", "--set", "model=resnet-50", "--set", "plan={global_batch: 64}")
        self.assertTrue(proof["proved"])
        self.assertIn("a transformer in place of resnet-50", proof["jobs"][0]["made_smaller"])

    def test_what_does_not_fit_in_memory_is_proved(self):
        self.assertTrue(self.proof("small.yaml", "--set", "cluster.node.device.memory.capacity=10 MB")["proved"])

    def test_what_cannot_be_asked_for(self):
        status, _, err = self.place.run("run", "--prove", "small.yaml", "--set", "plan.tensor=3")
        self.assertEqual(status, 3)
        self.assertIn("plan.tensor", err)
        for other in [["--trace", "a"], ["--csv", "a"], ["--exact"], ["--ignore-memory"]]:
            status, out, err = self.place.run("run", "--prove", "small.yaml", *other)
            self.assertEqual((status, out), (2, ""))
            self.assertIn(f"{other[0]} excludes --prove", err)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: prove.py PROGRAM")
    PROGRAM = sys.argv.pop(1)
    unittest.main()
