#!/usr/bin/env python3
"""rehearse collective as people call it: good command lines, bad ones, and what they write.

Usage: collective.py PROGRAM
"""

import csv
import io
import json
import sys
import unittest

from support import CRASH, Workplace

PROGRAM = ""
POINT = ["algorithm", "protocol", "channels", "chunks", "num_nodes", "nodes", "bytes", "elements", "time", "time_us",
         "algbw_gbps", "busbw_gbps", "flows", "start_s"]

# Single GPUs on one switch.
FLAT = """\
node: {gpus: 1, device: a100-80gb-sxm, nic: {count: 1, bandwidth: 10 GB/s, latency: 1 us}}
nodes: 8
fabric: {topology: switch}
"""
DGX = ["--cluster", "dgx-a100"]
FLAT8 = ["--cluster", "flat.yaml"]

# Arguments and what standard error says, a part for each line.
BAD = [
    ([], "cluster: missing; expected the name of a cluster or of a node type, or a YAML file"),
    (["--cluster", "dgx-a10"], "cluster: unknown cluster or node type 'dgx-a10'; did you mean 'dgx-"),
    (["--cluster", "nowhere.yaml"], "no such file: 'nowhere.yaml'"),
    ([*DGX, "--op", "alreduce"], "op: unknown collective 'alreduce'; did you mean 'all_reduce'?"),
    ([*DGX, "--algorithm", "rings"], "algorithm: unknown all_reduce algorithm 'rings'; did you mean 'ring'?"),
    ([*DGX, "--op", "all_gather", "--algorithm", "double_binary_tree"],
     "; 'double_binary_tree' is an algorithm for all_reduce"),
    ([*FLAT8, "--algorithm", "in_switch"], "algorithm: in_switch needs switches inside the nodes that compute"),
    ([*DGX, "--ranks", "0"], "--ranks 0: ranks: expected at least 1, found 0"),
    ([*FLAT8, "--ranks", "9"], "ranks: expected at most 8: the cluster has 8 nodes of 1 GPU; found 9"),
    ([*DGX, "--ranks", "8:4"], "ranks: expected the smaller number first, found '8:4'"),
    ([*DGX, "--root", "1"], "root: all_reduce has no root"),
    ([*DGX, "--op", "broadcast", "--root", "8"], "root: expected a rank below 8, found 8"),
    ([*DGX, "--bytes", "4611686018427387905"], "bytes: expected at most 1 EiB"),
    ([*DGX, "--bytes", "8:99999999999999999999"], "bytes: '99999999999999999999' is out of range"),
    ([*DGX, "--bytes", "1MiB:8"], "bytes: expected the smaller size first"),
    ([*DGX, "--bytes=-8"], "bytes: expected a size of at least 0, found -8"),
    ([*DGX, "--bytes", "much"], "bytes: 'much' is not a quantity"),
    ([*DGX, "--op", "barrier", "--bytes", "8"], "bytes: a barrier has no bytes"),
    ([*DGX, "--datatype", "flota"], "datatype: unknown datatype 'flota'; did you mean 'float'?"),
    ([*DGX, "--protocol", "LL"], "protocol: unknown protocol 'LL'; did you mean 'll'?"),
    ([*DGX, "--fidelity", "exact"], "fidelity: unknown fidelity 'exact'; one of: auto, flow, fluid"),
    ([*DGX, "--channels", "0"], "channels: expected at least 1, found 0"),
    ([*DGX, "--chunk", "0"], "chunk: expected a size above 0"),
    ([*DGX, "--set", "nodes"], "--set nodes: no '='; expected KEY=VALUE"),
    ([*DGX, "--set", "fabrik.topology=ring"], "cluster.fabrik: unknown key; did you mean 'fabric'?"),
    ([*DGX, "--json", "-", "--csv", "-"], "only one of --json, --csv and --trace can go to standard output"),
    ([*DGX, "--json", "nowhere/out.json"], "cannot write 'nowhere/out.json': there is no folder"),
    ([*DGX, "--csv", "/dev/full"], "cannot write '/dev/full': No space left on device"),
    ([*DGX, "--trace", "out.pftrace"], "--trace is of one collective: give one size"),
    ([*DGX, "--trace", "out.pftrace", "--bytes", "8", "--algorithm", "all"], "--trace is of one collective"),
    ([*DGX, "--execute", "--datatype", "half", "--bytes", "8"], "datatype: numbers are carried out as float"),
    ([*DGX, "--execute", "--bytes", "1TB"], "of memory; "),
    ([*DGX, "--execute", "--bytes", "1EiB"], "more memory than any machine has"),
    ([*DGX, "--algoritm", "ring"], "unknown option '--algoritm'; did you mean '--algorithm'?"),
    ([*DGX, "--op", ""], "--op: expected a value, found nothing"),
    ([*DGX, "--op", "x", "--ranks", "0", "--channels", "0"], "channels: expected at least 1",
     "op: unknown collective", "ranks: expected at least 1"),
]


class Collective(unittest.TestCase):
    def setUp(self):
        self.place = Workplace(PROGRAM)
        self.addCleanup(self.place.folder.cleanup)
        self.place.write("flat.yaml", FLAT)

    def run_program(self, *arguments):
        """Standard output of a run that succeeds and has nothing to complain of."""
        status, out, err = self.place.run("collective", *arguments)
        self.assertEqual((status, err), (0, ""))
        return out

    def results(self, *arguments):
        return json.loads(self.run_program(*arguments, "--json", "-"))["results"]

    def test_bad_input(self):
        for arguments, *messages in BAD:
            with self.subTest(" ".join(arguments)):
                before = self.place.files()
                status, out, err = self.place.run("collective", *arguments)
                self.assertEqual((status, out), (2, ""), err)
                self.assertEqual(self.place.files(), before)
                self.assertEqual([word for word in CRASH if word in err], [])
                lines = err.splitlines()
                self.assertEqual(len(lines), len(messages), err)
                for line, message in zip(lines, messages):
                    self.assertTrue(line.startswith("rehearse: "), line)
                    self.assertIn(message, line)

    def test_rows_as_nccl_tests_prints_them(self):
        out = self.run_program(*DGX, "--bytes", "1KiB:4KiB", "--algorithm", "ring", "--protocol", "simple")
        rows = [line.split() for line in out.splitlines() if not line.startswith("#")]
        self.assertEqual([row[:6] for row in rows],
                         [[str(size), str(size // 4), "float", "sum", "ring", "simple"] for size in (1024, 2048, 4096)])
        heading = next(line.split()[1:] for line in out.splitlines() if line.split()[1:2] == ["size"])
        self.assertEqual(heading, ["size", "count", "type", "redop", "algorithm", "protocol", "channels", "time",
                                   "algbw", "busbw"])
        for row in rows:
            size, time, algbw, busbw = float(row[0]), *map(float, row[7:])
            self.assertAlmostEqual(algbw, size / time / 1e3, delta=0.006)
            self.assertAlmostEqual(busbw, size / time / 1e3 * 1.75, delta=0.006)

    def test_defaults(self):
        out = self.run_program(*DGX)
        self.assertEqual(sum(not line.startswith("#") for line in out.splitlines()), 25)  # 8 B to 128 MiB
        self.assertEqual(len(self.results("--cluster", "dgx-a100", "--ranks", "16", "--bytes", "8")), 1)

    def test_a_closed_form(self):
        for fidelity in ("flow", "fluid", "auto"):
            point, = self.results(*FLAT8, "--algorithm", "ring", "--protocol", "none", "--channels", "1", "--bytes",
                                  "80kB", "--fidelity", fidelity)
            self.assertAlmostEqual(point["time"] / (14 * (10e3 / 10e9 + 2e-6)), 1, delta=1e-9)
            self.assertEqual((point["num_nodes"], point["nodes"], point["bytes"]), (8, 8, 80000))

    def test_json(self):
        result = json.loads(self.run_program(*DGX, "--bytes", "1MiB", "--algorithm", "all", "--json", "-"))
        for key in ["version", "op", "cluster", "ranks", "datatype", "fidelity", "results", "wall_s"]:
            self.assertIn(key, result)
        self.assertGreater(len(result["results"]), 1)
        for point in result["results"]:
            self.assertEqual([key for key in POINT if key not in point], [])
        times = [point["time"] for point in result["results"]]
        self.assertEqual(times, sorted(times))
        self.assertEqual(len({point["algorithm"] for point in result["results"]}), len(times))

    def test_csv(self):
        rows = list(csv.reader(io.StringIO(self.run_program(*DGX, "--bytes", "8:32", "--csv", "-"))))
        self.assertEqual(rows[0][:4], ["algorithm", "time", "num_nodes", "bytes"])
        self.assertEqual([row[3] for row in rows[1:]], ["8", "16", "32"])
        self.assertEqual({len(row) for row in rows}, {len(rows[0])})

    def test_a_sweep_of_ranks_picks_winners(self):
        out = self.run_program(*FLAT8, "--ranks", "2:8", "--bytes", "1KiB:64MiB", "--step-factor", "65536",
                               "--algorithm", "all")
        self.assertIn("# the quickest algorithm by size and number of ranks\n", out)
        self.assertEqual(out.splitlines()[-1].split()[:2], ["64", "MiB"])
        self.assertEqual(len(out.splitlines()[-1].split()), 5)
        times = self.run_program(*FLAT8, "--bytes", "1KiB:64MiB", "--step-factor", "65536", "--algorithm", "all")
        self.assertEqual(times.splitlines()[-1].count("*"), 1)

    def test_settings_are_laid_over_the_cluster(self):
        ask = [*DGX, "--ranks", "32", "--bytes", "64MiB", "--algorithm", "ring", "--protocol", "none"]
        free, = self.results(*ask)
        narrow, = self.results(*ask, "--set", "node.nic.bandwidth=100 Gb/s")
        self.assertGreater(narrow["time"], 1.5 * free["time"])
        self.assertEqual(len(self.results(*DGX, "--set", "nodes=2", "--bytes", "8", "--op", "broadcast", "--root", "15")),
                         1)

    def test_explain(self):
        out = self.run_program(*DGX, "--bytes", "1MiB", "--explain")
        self.assertEqual(sum(line.split()[:1] == ["*"] for line in out.splitlines()), 1)
        self.assertIn("is expected to take", out)
        chosen = next(line.split() for line in out.splitlines() if line.split()[:1] == ["*"])
        row = [line.split() for line in out.splitlines() if line.split()[:1] == ["1048576"]][0]
        self.assertEqual(row[4:6], chosen[1:3])  # what was chosen is what was simulated

    def test_execute(self):
        for op in ["all_reduce", "all_gather", "reduce_scatter", "broadcast", "reduce", "all_to_all", "send_recv"]:
            points = self.results(*FLAT8, "--op", op, "--ranks", "5", "--bytes", "4000", "--algorithm", "all",
                                  "--execute", "--repetitions", "2")
            self.assertGreater(len(points), 0)
            for point in points:
                self.assertEqual(point["wrong"], 0, (op, point))
                self.assertGreater(point["measured_s"], 0)
        out = self.run_program(*FLAT8, "--bytes", "4000", "--execute", "--repetitions", "1")
        self.assertEqual(out.splitlines()[-1].split()[-1], "0")
        self.assertIn("#wrong", out)

    def test_trace(self):
        self.run_program(*DGX, "--bytes", "1MiB", "--algorithm", "ring", "--trace", "a.pftrace", "-q")
        trace = (self.place.path / "a.pftrace").read_bytes()
        self.assertIn(b"GPU 7", trace)
        self.assertIn(b"ring all_reduce", trace)
        self.assertIn(b"send channel 0", trace)
        status, _, err = self.place.run("collective", "--cluster", "torus-node", "--ranks", "1024", "--set",
                                        "fabric.topology=switch", "--bytes", "1MiB", "--algorithm", "ring", "--fidelity",
                                        "flow", "--protocol", "none", "--trace", "b.pftrace")
        self.assertEqual(status, 2)
        self.assertIn("fidelity fluid", err)

    def test_the_same_bytes_twice(self):
        def once():
            out = self.run_program(*DGX, "--bytes", "8:1MiB", "--algorithm", "all", "--json", "-")
            return [line for line in out.splitlines() if '"wall_s"' not in line]
        self.assertEqual(once(), once())

    def test_the_resolved_cluster_is_one(self):
        result = json.loads(self.run_program(*DGX, "--ranks", "16", "--bytes", "1MiB", "--json", "-"))
        self.place.write("again.yaml", json.dumps(result["cluster"]))  # JSON is YAML
        again, = self.results("--cluster", "again.yaml", "--ranks", "16", "--bytes", "1MiB")
        self.assertEqual(again, result["results"][0])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: collective.py PROGRAM")
    PROGRAM = sys.argv.pop(1)
    unittest.main()
