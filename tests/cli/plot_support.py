"""What the tests of scripts/plot.py share: tables that the program writes, and a Python that has matplotlib."""

import contextlib
import csv
import io
import os
import re
import struct
import subprocess
import sys
import unittest
import xml.etree.ElementTree
from pathlib import Path

from support import Workplace
from validate_support import COLLECTIVE

SCRIPTS = Path(__file__).resolve().parent.parent.parent / "scripts"
sys.path.append(str(SCRIPTS))
import plot

PROGRAM = []  # of the command line
PYTHONS = (sys.executable, "/usr/bin/python3")  # Debian's matplotlib is for Debian's Python

SWEEP = """\
base: small.yaml
set: {plan.data: null}
sweep:
  - axes:
      fabric:
        - {label: fat tree, set: {cluster.fabric: {topology: fat_tree}}}
        - {label: slow ring, set: {cluster.fabric: {topology: ring, bandwidth: 5 GB/s}}}
  - sweep: zip
    axes:
      cluster.nodes: [1, 2, 4, 3]
      plan.global_batch: [8, 16, 32, 25]
"""
STRONG = "base: small.yaml\nset: {plan.data: null, plan.global_batch: 64}\naxes: {cluster.nodes: [1, 2, 4]}\n"
LONG = "base: small.yaml\naxes:\n  plans:\n" + "".join(
    '    - {label: "%s number %d", set: {plan.micro_batch: %d}}\n' % ("a plan of words, " * (1 + i % 4), i, 1 + i % 4)
    for i in range(16) if i % 4 != 2)
THROUGHPUT = """\
name: runs
scenario: small.yaml
table: rates-measured.csv
columns: {tp: plan.tensor, micro: plan.micro_batch}
set: {plan.data: null}
measured: {column: rate, is: samples_per_s}
"""


class PlotTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = Workplace(PROGRAM[0])
        cls.addClassCleanup(cls.place.folder.cleanup)
        for name, study in (("sweep", SWEEP), ("strong", STRONG), ("long", LONG)):
            cls.place.write(name + ".yaml", study)
            cls.write_table("sweep", name + ".yaml", "-q", "--csv", name + ".csv")
        cls.write_table("collective", "--cluster", "dgx-h100", "--ranks", "16", "--bytes", "4KiB:64MiB",
                        "--step-factor", "16", "--algorithm", "all", "--csv", "sizes.csv")
        cls.place.write("t.csv", "gpus,size,us\n2,64,20\n4,64,30\n8,1024,100\n")
        cls.place.write("times.yaml", COLLECTIVE)
        cls.write_table("validate", "times.yaml", "-q", "--csv", "times.csv", "--json", "times.json")
        cls.place.write("rates-measured.csv", "tp,micro,rate\n1,1,90\n2,2,80\n8,1,70\n")
        cls.place.write("rates.yaml", THROUGHPUT)
        cls.write_table("validate", "rates.yaml", "-q", "--csv", "rates.csv")
        cls.write_table("validate", "times.yaml", "rates.yaml", "-q", "--csv", "both.csv", "--json", "both.json")

    @classmethod
    def write_table(cls, *arguments):
        status, _, err = cls.place.run(*arguments)
        assert status == 0, err

    def setUp(self):
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.place.path)

    def rows(self, name, **where):
        with open(name, encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row.get("status", "ok") == "ok"]
        return [row for row in rows if all(row[key] == value for key, value in where.items())]

    def plot(self, *arguments, status=0):
        """What is said on standard error."""
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            found = plot.main([str(argument) for argument in arguments])
        self.assertEqual(found, status, said.getvalue())
        return said.getvalue()

    def picture(self, *arguments):
        return plot.picture_of(plot.read_options(list(arguments)))[0]

    def words(self, *arguments):
        """All words of the picture, from its SVG; its PNG has the same shape."""
        self.plot(*arguments, "-o", "p.svg", "-o", "p.png")
        root = xml.etree.ElementTree.parse("p.svg").getroot()
        data = Path("p.png").read_bytes()
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", data[16:24])
        self.assertEqual(width, 900)
        self.assertAlmostEqual(float(root.get("width").removesuffix("pt")) / 0.72, width, delta=0.5)
        self.assertAlmostEqual(float(root.get("height").removesuffix("pt")) / 0.72, height, delta=0.5)
        texts = list(root.iter("{http://www.w3.org/2000/svg}text"))
        for text in texts:
            x, y = map(float, re.search(r"(?:translate\(|rotate\(\S+ )(\S+) ([^)]+)\)", text.get("transform")).groups())
            self.assertTrue(0 <= x <= 0.72 * width and 0 <= y <= 0.72 * height, ("outside", "".join(text.itertext())))
        return ["".join(text.itertext()) for text in texts]

    def assert_words(self, found, *wanted):
        for word in wanted:
            self.assertIn(word, found)


def with_matplotlib(python):
    return subprocess.run([python, "-c", "import matplotlib"], capture_output=True, check=False).returncode == 0


def run_tests():
    """The tests of the file that was started, by a Python that has matplotlib; exit status 77 without one."""
    if len(sys.argv) < 2:
        sys.exit("usage: %s PROGRAM" % sys.argv[0])
    if not with_matplotlib(sys.executable):
        other = next((python for python in PYTHONS if os.path.exists(python) and with_matplotlib(python)), None)
        if other is None:
            print("skipped: there is no matplotlib (Debian: python3-matplotlib)")
            sys.exit(77)
        os.execv(other, [other, *sys.argv])
    PROGRAM.append(str(Path(sys.argv.pop(1)).resolve()))
    unittest.main()
