#!/usr/bin/env python3
"""rehearse validate: studies that hold, and studies that do not. Those that are wrong: validate_errors.py.

Usage: validate.py PROGRAM
"""

import csv
import io
import json

from validate_support import COLLECTIVE, KERNEL, TRAINING, StudyTest, run_tests


class Validate(StudyTest):
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
        self.assertEqual(first, self.place.run("validate", "s.yaml", "--jobs", "7"))
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

    def test_figures_of_each_gpu(self):
        for figure in ("samples", "tokens"):
            self.study(TRAINING.replace("{column: ms, unit: ms}", "{column: rate, is: %s_per_gpu_s}" % figure),
                       "tp,rate\n2,100\n")
            row = self.run_json()[0]["rows"][0]
            result = json.loads(self.place.run("run", "small.yaml", "--json", "-")[1])
            self.assertAlmostEqual(row["predicted"] / (result[figure + "_per_s"] / 8), 1, delta=1e-9)

    def test_kernels(self):
        table = "rows,k,type,us,rate\n4096,512,bf16,20,100\n4096,512,fp8,15,200\n64,512,bf16,5,1\n"
        self.study(KERNEL, table)
        times = [row["predicted"] for row in self.run_json()[0]["rows"]]
        self.assertGreater(times[0], times[1])
        self.assertGreater(times[1], times[2])
        self.study(KERNEL.replace("{column: us, unit: us}", "{column: rate, is: tflops, unit: TFLOP/s}") +
                   "check: {k: gemm.k}\n", table)
        for row, time in zip(self.run_json()[0]["rows"], times, strict=True):
            flop = 2 * int(row["settings"]["rows"]) * 512 * 512
            self.assertAlmostEqual(row["predicted"] * 1e12 * time * 1e-6 / flop, 1, delta=1e-9)

    def test_times_of_a_layer(self):
        table = "tp,ms\n2,1\n"
        study = TRAINING.replace("plan.data: null", "plan.data: null, plan.pipeline: 1")
        of = {}
        for figure in ("layer_forward_time", "layer_backward_time", "layer_time"):
            self.study(study.replace("unit: ms", "is: %s, unit: ms" % figure), table)
            of[figure] = self.run_json()[0]["rows"][0]["predicted"]
        self.assertAlmostEqual(of["layer_time"], of["layer_forward_time"] + of["layer_backward_time"], delta=1e-12)
        self.assertGreater(of["layer_backward_time"], of["layer_forward_time"])
        self.study(TRAINING.replace("unit: ms", "is: layer_time, unit: ms"), table)  # two stages of two layers
        result, err = self.run_json(status=1)
        self.assertEqual(err, "rehearse: t.csv:2: the first GPU has no layer with one before it and one behind it\n")
        self.assertEqual(result["rows"][0]["state"], "failed")

    def test_cells_that_mean_several_keys(self):
        means = "{values: {a: {ranks: 2, protocol: simple}, b: {ranks: 4}}}"
        self.study(COLLECTIVE.replace("gpus: ranks", "way: " + means) +
                   "check: {ranks: ranks}\n", "way,size,us,ranks\na,64,20,2\nb,64,30,4\n")
        rows = self.run_json()[0]["rows"]
        self.assertEqual([row["settings"]["way"] for row in rows], ["a", "b"])
        self.assertTrue(rows[0]["way"].startswith("ring simple "))

    def test_tables_of_other_systems(self):
        self.study(COLLECTIVE)
        wanted = [row["predicted"] for row in self.run_json()[0]["rows"]]
        for table in ("\ufeffgpus,size,us\r\n2,64,20\r\n4,64,30\r\n8,1024,100\r\n",
                      'gpus,size,us\r\n"2","64","20"\r\n4,64,3e1\r\n8,1024,100'):
            self.study(COLLECTIVE, table)
            self.assertEqual([row["predicted"] for row in self.run_json()[0]["rows"]], wanted)


if __name__ == "__main__":
    run_tests()
