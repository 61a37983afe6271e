#!/usr/bin/env python3
"""Collectives carried out over MPI.

Usage: run.py MPIRUN MPI_COLLECTIVES

Exit status: 0 all as expected; 1 not; 77 skipped: no MPIRUN, or MPI_COLLECTIVES was built without MPI (or for another than MPIRUN's).
"""

import os
import re
import shutil
import subprocess
import sys
import unittest

LAUNCHER, PROGRAM = "", ""
SKIPPED = 77

# Open MPI, on a machine with fewer cores, as root, or in a container that forbids processes to read one another's
# memory. Others do not read these.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    "ASAN_OPTIONS": "detect_leaks=0",  # MPI's own
}


def launch(launcher, processes, program, *arguments):
    """(exit status, standard output, standard error)"""
    done = subprocess.run([launcher, "-n", str(processes), program, *arguments], capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL, env={**os.environ, **ENVIRONMENT})
    return done.returncode, done.stdout, done.stderr


def run(processes, *arguments):
    return launch(LAUNCHER, processes, PROGRAM, *arguments)


class Collectives(unittest.TestCase):
    def test_every_collective(self):
        for processes in (1, 2, 3, 4, 5, 8):
            with self.subTest(processes=processes):
                status, out, err = run(processes)
                self.assertEqual(status, 0, out + err)
                self.assertRegex(out, rf"\A{processes} processes: \d+ collectives, 0 wrong elements\n\Z")

    def test_lost_sums_are_found(self):
        status, out, _ = run(3, "lossy")
        self.assertEqual(status, 1)
        self.assertTrue(re.search(r"1 collectives, [1-9]\d* wrong elements\n", out), out)

    def test_a_process_that_gives_up_ends_all(self):
        status, out, _ = run(3, "throw")
        self.assertNotEqual(status, 0)
        self.assertNotIn("wrong elements", out)


def main():
    global LAUNCHER, PROGRAM
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    LAUNCHER, PROGRAM = sys.argv[1:]
    if shutil.which(LAUNCHER) is None:
        print(f"skipped: no {LAUNCHER}")
        sys.exit(SKIPPED)
    if run(1)[0] == SKIPPED:
        print(f"skipped: built without MPI, or for another than that of {LAUNCHER}")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()
