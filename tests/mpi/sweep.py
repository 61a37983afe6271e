#!/usr/bin/env python3
"""A sweep carried out by the ranks of MPI: the same bytes as by workers on one machine.

Usage: sweep.py MPIRUN REHEARSE

Exit status: 0 all as expected; 1 not; 77 skipped: no MPIRUN, or REHEARSE was built without MPI (or for another than
MPIRUN's).
"""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from run import SKIPPED, launch

LAUNCHER, PROGRAM = "", ""

STUDY = """\
base: quickstart
axes:
  plan.tensor: [1, 2, 4, 3, none]
  plan.micro_batch: [1, 2, 4]
"""


def sweep(processes, *arguments):
    """(exit status, standard output, standard error)"""
    return launch(LAUNCHER, processes, PROGRAM, "sweep", *arguments)


class Sweep(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rehearse-mpi-")
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name)
        self.study = str(self.path / "s.yaml")
        Path(self.study).write_text(STUDY, encoding="utf-8")

    def test_the_same_bytes_as_workers(self):
        expected = subprocess.run([PROGRAM, "sweep", self.study, "-j", "2", "--json", str(self.path / "0.json"), "--csv",
                                   str(self.path / "0.csv")], capture_output=True, text=True, timeout=60, check=True)
        for processes in (1, 2, 3):
            with self.subTest(processes=processes):
                status, out, err = sweep(processes, self.study, "--json", str(self.path / f"{processes}.json"), "--csv",
                                         str(self.path / f"{processes}.csv"))
                self.assertEqual(status, 0, out + err)
                self.assertEqual(out, expected.stdout)
                for kind in ("json", "csv"):
                    self.assertEqual((self.path / f"{processes}.{kind}").read_bytes(),
                                     (self.path / f"0.{kind}").read_bytes())

    def test_rows_of_an_earlier_run_are_kept(self):
        table = self.path / "t.csv"
        self.assertEqual(sweep(3, self.study, "--csv", str(table))[0], 0)
        marked = table.read_text(encoding="utf-8").replace("the cluster has 8", "MARKED")
        self.assertIn("MARKED", marked)
        table.write_text(marked, encoding="utf-8")
        self.assertEqual(sweep(3, self.study, "--csv", str(table), "--resume")[0], 0)
        self.assertEqual(table.read_text(encoding="utf-8"), marked)

    def test_what_is_wrong_ends_all_and_is_said_once(self):
        status, out, err = sweep(3, "nothing")
        self.assertEqual((status, out), (2, ""))
        self.assertEqual(err.count("unknown study 'nothing'"), 1, err)


def main():
    global LAUNCHER, PROGRAM
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    LAUNCHER, PROGRAM = sys.argv[1], str(Path(sys.argv[2]).resolve())
    if shutil.which(LAUNCHER) is None:
        print(f"skipped: no {LAUNCHER}")
        sys.exit(SKIPPED)
    if sweep(2, "nothing")[2].count("unknown study") != 1:  # two that do not know of each other
        print(f"skipped: built without MPI, or for another than that of {LAUNCHER}")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()
