"""What the tests of rehearse validate share: studies, tables, and the program on them."""

import json
import sys
import unittest

from support import CRASH, Workplace

PROGRAM = []  # of the command line

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

KERNEL = """\
kernel: {device: h100-80gb-sxm, gemm: {n: 512}}
table: t.csv
columns: {rows: gemm.m, k: gemm.k, type: precision}
measured: {column: us, unit: us}
"""


class StudyTest(unittest.TestCase):
    def setUp(self):
        self.place = Workplace(PROGRAM[0])
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


def run_tests():
    if len(sys.argv) < 2:
        sys.exit("usage: %s PROGRAM" % sys.argv[0])
    PROGRAM.append(sys.argv.pop(1))
    unittest.main()
