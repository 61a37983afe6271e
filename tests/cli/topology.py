#!/usr/bin/env python3
"""rehearse topology as people call it: good command lines, bad ones, and what they write.

Usage: topology.py PROGRAM
"""

import json
import re
import sys
import unittest
import xml.etree.ElementTree as ElementTree

from support import CRASH, SMALL, Workplace

PROGRAM = ""

# 16 single GPUs below four leaves, 4:1 between them.
CLUSTER = """\
node: {gpus: 1, device: a100-80gb-sxm, nic: {count: 1, bandwidth: 10 GB/s, latency: 1 us}}
nodes: 16
fabric:
  topology: fat_tree
  radix: 5
  oversubscription: 4
  prices: {switch: 1000, port: 10, endpoint: 1, cables: {port: 2, leaf-spine: 5}}
"""
TORUS = """\
topology: torus
dimensions: [4, 4]
endpoints: 16
port: {bandwidth: 400 Gb/s, latency: 500 ns}
prices: {cables: 3}
"""

# Arguments and what standard error says, a part for each line.
BAD = [
    (["fat_treee"], "unknown topology, cluster, node type or scenario 'fat_treee'; did you mean 'fat_tree'?"),
    (["nowhere.yaml"], "no such file: 'nowhere.yaml'"),
    (["ring"], "endpoints: missing; expected their number, in the file or by --endpoints"),
    (["ring", "--endpoints", "0"], "--endpoints 0: endpoints: expected at least 1, found 0"),
    (["ring", "--endpoints", "many"], "--endpoints many: endpoints: expected a whole number, found 'many'"),
    (["ring", "--endpoints", "9999999"], "endpoints: expected at most 1048576, found 9999999"),
    (["ring", "--endpoints", "4", "--set", "prices.switch=-1"],
     "prices.switch: expected a price of zero or more, found -1"),
    (["ring", "--endpoints", "4", "--set", "prices.cables.port=1"], "prices.cables.port: unknown kind of cable 'port'"),
    (["ring", "--endpoints", "4", "--set", "prices.swich=1"], "prices.swich: unknown key; did you mean 'switch'?"),
    (["ring", "--endpoints", "4", "--set", "port.latency=-1 us"], "port.latency: expected zero or more"),
    (["ring", "--endpoints", "4", "--set", "bandwith=1 GB/s"], "bandwith: unknown key; did you mean 'bandwidth'?"),
    (["torus.yaml", "--endpoints", "15"], "dimensions: the dimensions hold 16 endpoints, but 15 are to be attached"),
    (["cluster.yaml", "--endpoints", "4"], "--endpoints is for a topology by itself"),
    (["cluster.yaml", "--set", "fabric.prices.cables.spine=4"],
     "cluster.fabric.prices.cables.spine: unknown kind of cable 'spine'"),
    (["cluster.yaml", "--set", "fabric.radixx=4"], "cluster.fabric.radixx: unknown key; did you mean 'radix'?"),
    (["ring", "--endpoints", "4", "--json", "-", "--dot", "-"],
     "only one of --json, --dot and --svg can go to standard output"),
    (["ring", "--endpoints", "4", "--svg", "nowhere/out.svg"], "cannot write 'nowhere/out.svg': there is no folder"),
    (["ring", "--endpoints", "4", "--json", "/dev/full"], "cannot write '/dev/full': No space left on device"),
    (["ring", "--endpoints", "4", "--inside", "--dot", "-"], "--inside: there is no network inside a node"),
    (["ring", "--endpoint", "4"], "unknown option '--endpoint'; did you mean '--endpoints'?"),
    ([], "name is required"),
]


class Topology(unittest.TestCase):
    def setUp(self):
        self.place = Workplace(PROGRAM)
        self.addCleanup(self.place.folder.cleanup)
        self.place.write("cluster.yaml", CLUSTER)
        self.place.write("torus.yaml", TORUS)

    def run_program(self, *arguments):
        """Standard output of a run that succeeds and has nothing to complain of."""
        status, out, err = self.place.run("topology", *arguments)
        self.assertEqual((status, err), (0, ""))
        return out

    def figures(self, *arguments):
        return json.loads(self.run_program(*arguments, "--json", "-"))

    def test_cluster(self):
        result = self.figures("cluster.yaml")
        self.assertEqual((result["name"], result["nodes"], result["groups"][0]["nics"]), ("cluster", 16, 1))
        fabric, = result["networks"]  # a node of one GPU has no network inside
        self.assertEqual((fabric["endpoints"], fabric["switches"], fabric["cables"]), (16, 5, 20))
        self.assertTrue(fabric["bisection"]["exact"])
        self.assertEqual(fabric["bisection"]["at_most_bytes_per_s"], 20e9)
        self.assertEqual(fabric["bisection"]["fraction"], 0.25)
        self.assertEqual(fabric["paths"]["pairs_by_distance"], [0, 0, 16 * 3, 0, 16 * 12])
        self.assertAlmostEqual(fabric["load"]["all_to_all"]["throughput"], 15 / 48)
        cost = fabric["cost"]
        self.assertEqual((cost["switches"], cost["ports"], cost["cables"], cost["endpoints"]), (5000, 240, 52, 16))
        self.assertEqual((cost["per_endpoint"], cost["per_gb_per_s_of_bisection"]), (5308 / 16, 5308 / 20))
        text = self.run_program("cluster.yaml")
        self.assertIn("Fabric: fat_tree, routing d_mod_k", text)
        self.assertIn("20 GB/s, exact", text)
        self.assertIn("node0/nic0", text + self.run_program("cluster.yaml", "--dot", "-"))

    def test_settings_and_prices_leave_other_commands_alone(self):
        wide = self.figures("cluster.yaml", "--set", "nodes=8", "--set", "fabric.prices=null")
        self.assertEqual(wide["networks"][0]["endpoints"], 8)
        self.assertIsNone(wide["networks"][0]["cost"])
        status, _, err = self.place.run("collective", "--cluster", "cluster.yaml", "--bytes", "8")
        self.assertEqual((status, err), (0, ""))

    def test_topologies_by_themselves(self):
        file = self.figures("torus.yaml")["networks"][0]
        name = self.figures("torus", "--endpoints", "16", "--set", "dimensions=[4, 4]")["networks"][0]
        self.assertEqual(file["cost"]["total"], 3 * 32)
        self.assertEqual({**file, "cost": None}, name)
        self.assertEqual(self.figures("torus.yaml", "--endpoints", "64", "--set", "dimensions=[4,4,4]")
                         ["networks"][0]["endpoints"], 64)

    def test_one_node_and_a_scenario(self):
        text = self.run_program("dgx-h100")
        self.assertIn("one node: there is no fabric between nodes", text)
        self.assertIn("Inside a dgx-h100: switch", text)
        both = self.figures("dgx-h100-superpod")
        self.assertEqual([part["what"] for part in both["networks"]], ["fabric", "node"])
        scenario = self.figures("small.yaml", "--set", "cluster.nodes=4")
        self.assertEqual([part["endpoints"] for part in scenario["networks"]], [32, 8])
        self.assertIn("cluster", SMALL)

    def test_the_same_bytes_again(self):
        arguments = ["fat_tree", "--endpoints", "48", "--set", "oversubscription=3", "--json", "-"]
        texts = [re.sub(r'"wall_s".*', "", self.run_program(*arguments)) for _ in range(2)]
        self.assertEqual(*texts)

    def test_nodes_of_two_types(self):
        self.place.write("mixed.yaml", "groups: [{node: dgx-a100, nodes: 2}, {node: dgx-h100, nodes: 2}]\n"
                         "fabric: {topology: switch}\n")
        result = self.figures("mixed.yaml")
        fabric, first, second = result["networks"]
        self.assertEqual([(kind["count"], kind["bandwidth_bytes_per_s"]) for kind in fabric["cable_kinds"]],
                         [(16, 25e9), (16, 50e9)])
        self.assertEqual((first["node"], second["node"]), ("dgx-a100", "dgx-h100"))
        self.assertEqual([group["name"] for group in result["groups"]], ["dgx-a100", "dgx-h100"])

    def test_dot_is_read_back(self):
        """What the graph has, whatever its routing."""
        for arguments in [["cluster.yaml"], ["torus.yaml"], ["fat_tree", "--endpoints", "24", "--set", "radix=9",
                                                             "--set", "oversubscription=2"]]:
            first = self.figures(*arguments, "--dot", "graph.dot")["networks"][0]
            self.place.write("custom.yaml", f"topology: custom\nendpoints: {first['endpoints']}\ngraphviz: graph.dot\n")
            second = self.figures("custom.yaml")["networks"][0]
            for figure in ["endpoints", "switches", "cables", "radix", "injection_bytes_per_s", "paths", "bisection",
                           "switch_paths", "disjoint_paths"]:
                self.assertEqual(first[figure], second[figure], figure)
            self.assertEqual([kind["count"] for kind in first["cable_kinds"]],
                             [kind["count"] for kind in second["cable_kinds"]])

    def test_dot(self):
        dot = self.run_program("cluster.yaml", "--dot", "-")
        self.assertEqual(len(re.findall(r" -- ", dot)), 20)
        self.assertEqual(dot.count(", endpoint="), 16)
        self.assertIn('"leaf0" -- "spine0" [bandwidth="10 GB/s", latency="1000 ns", class="leaf-spine"];', dot)

    def test_svg_is_xml_with_every_vertex(self):
        space = "{http://www.w3.org/2000/svg}"
        for arguments, rectangles in [(["cluster.yaml"], 21), (["torus.yaml"], 16), (["ring", "--endpoints", "5"], 5),
                                      (["fat_tree", "--endpoints", "256", "--set", "radix=32"], 16 + 16 + 16),
                                      (["dgx-h100-superpod", "--inside"], 9)]:
            self.run_program(*arguments, "-q", "--svg", "out.svg")
            drawing = ElementTree.parse(self.place.path / "out.svg").getroot()
            self.assertEqual(drawing.tag, space + "svg")
            self.assertEqual(len(drawing.findall(space + "rect")), rectangles + 1)  # and the page
            width, height = float(drawing.get("width")), float(drawing.get("height"))
            for rectangle in drawing.findall(space + "rect")[1:]:
                self.assertTrue(0 <= float(rectangle.get("x")) <= width)
                self.assertTrue(0 <= float(rectangle.get("y")) <= height)

    def test_bad_command_lines(self):
        before = self.place.files()
        for arguments, *parts in BAD:
            with self.subTest(arguments):
                status, out, err = self.place.run("topology", *arguments)
                self.assertEqual((status, out), (2, ""))
                for part in parts:
                    self.assertIn(part, err)
                for word in CRASH:
                    self.assertNotIn(word, err)
        self.assertEqual(self.place.files(), before)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
