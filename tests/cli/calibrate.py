#!/usr/bin/env python3
"""The calibrator without a GPU: its command line, its messages and exit statuses, and `rehearse calibrate`.

Usage: calibrate.py REHEARSE             tests `rehearse calibrate`
       calibrate.py REHEARSE CALIBRATOR  tests the calibrator, with no GPU in its sight even where there is one

Exit status: 0 all as expected; 1 not; 77 skipped, because CALIBRATOR was not built.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

REHEARSE, CALIBRATOR = "", ""

USAGE = [  # arguments, what the one line on standard error says
    (["--quik"], "unknown option '--quik'; did you mean '--quick'?"),
    (["--quick=yes"], "--quick: takes no value"),
    (["-o"], "-o: expected FILE, found nothing"),
    (["-o", ""], "-o: expected FILE, found nothing"),
    (["--precision", "bf16,fp17"], "--precision: unknown precision 'fp17'; did you mean 'fp16'?"),
    (["--precision="], "--precision: expected LIST, found nothing"),
    (["h200.yaml"], "unexpected argument 'h200.yaml'"),
    (["--layers-only"], "--layers-only: says to time layers alone"),
    (["-o", "a", "--layers", "a"], "--layers: expected another file than that of -o"),
    (["-o", "nowhere/h200.yaml"], "cannot write 'nowhere/h200.yaml': there is no folder"),
    (["-o", "."], "cannot write '.': it is a directory"),
    (["--layers", "nowhere/l.csv"], "cannot write 'nowhere/l.csv': there is no folder"),
]


class Place(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="rehearse-calibrate-")
        self.addCleanup(self.folder.cleanup)

    def run_program(self, *command):
        """(exit status, standard output, standard error) in an empty folder, which stays empty."""
        done = subprocess.run(command, cwd=self.folder.name, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
        self.assertEqual(os.listdir(self.folder.name), [])
        return done.returncode, done.stdout, done.stderr

    def assert_one_line(self, text, start, message):
        self.assertEqual(len(text.splitlines()), 1, text)
        self.assertTrue(text.startswith(start) and message in text, text)


class Calibrator(Place):
    def test_bad_usage(self):
        for arguments, message in USAGE:
            with self.subTest(arguments=arguments):
                status, out, err = self.run_program(CALIBRATOR, *arguments)
                self.assertEqual((status, out), (2, ""))
                self.assert_one_line(err, "rehearse-calibrate: ", message)

    def test_no_gpu(self):
        for arguments in (["--quick"], ["-o", "-"], ["--check"], ["--layers", "l.csv", "--layers-only"]):
            with self.subTest(arguments=arguments):
                status, out, err = self.run_program(CALIBRATOR, *arguments)
                self.assertEqual((status, out), (1, ""))
                self.assert_one_line(err, "rehearse-calibrate: ", "")

    def test_help(self):
        for name in ("--help", "-h"):
            status, out, err = self.run_program(CALIBRATOR, name)
            self.assertEqual((status, err), (0, ""))
            for option in ("-o FILE", "--quick", "--precision", "--layers", "--check", "--list-cases"):
                self.assertIn(option, out)

    def test_list_cases(self):
        status, out, err = self.run_program(CALIBRATOR, "--list-cases", "--quick", "--precision", "bf16")
        self.assertEqual((status, err), (0, ""))
        *cases, last = out.splitlines()
        self.assertTrue(last.startswith(f"{len(cases):,} cases for NVIDIA H200, "), last)
        self.assertEqual(sorted(cases, key=lambda line: int(line.split()[0])), cases)  # by rank
        for family in ("gemm bf16 tn", "gemm bf16 nn", "gemm bf16 nt", "attention bf16", "stream copy_to_host"):
            self.assertTrue(any(family in line for line in cases), family)

    def test_rehearse_hands_over(self):
        shutil.copy(REHEARSE, Path(self.folder.name, "rehearse"))  # beside a calibrator of our own
        beside = Path(self.folder.name, "rehearse-calibrate")
        beside.symlink_to(CALIBRATOR)
        done = subprocess.run([Path(self.folder.name, "rehearse"), "calibrate", "--quik"], capture_output=True,
                              text=True, timeout=60, cwd=self.folder.name)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assert_one_line(done.stderr, "rehearse-calibrate: ", "unknown option '--quik'")


class Rehearse(Place):
    def test_help_lists_it(self):
        status, out, _ = self.run_program(REHEARSE, "--help")
        self.assertEqual(status, 0)
        self.assertIn("calibrate", out)

    def test_without_a_calibrator(self):
        """A copy of the program, where nothing stands beside it."""
        with tempfile.TemporaryDirectory(prefix="rehearse-alone-") as alone:
            program = shutil.copy(REHEARSE, Path(alone, "rehearse"))
            for arguments in ([], ["-o", "x.yaml"], ["--quick"]):
                status, out, err = self.run_program(program, "calibrate", *arguments)
                self.assertEqual((status, out), (1, ""))
                self.assert_one_line(err, "rehearse: ", "this build has no calibrator")
            for name in ("--help", "-h"):
                status, out, err = self.run_program(program, "calibrate", name)
                self.assertEqual((status, err), (0, ""))
                self.assertIn("Usage: rehearse calibrate", out)

    def test_arguments_go_on(self):
        """Every argument reaches the program beside it, and its exit status comes back."""
        with tempfile.TemporaryDirectory(prefix="rehearse-beside-") as beside:
            program = shutil.copy(REHEARSE, Path(beside, "rehearse"))
            stand_in = Path(beside, "rehearse-calibrate")
            stand_in.write_text('#!/bin/sh\nfor a in "$@"; do echo "<$a>"; done\nexit 7\n')
            stand_in.chmod(0o755)
            for arguments in ([], ["-o", "-"], ["--help"], ["--version"], ["--quick", "run", "a b", ""],
                              ["list", "--precision", "bf16,fp8"]):
                with self.subTest(arguments=arguments):
                    status, out, err = self.run_program(program, "calibrate", *arguments)
                    self.assertEqual((status, err), (7, ""))
                    self.assertEqual(out.splitlines(), [f"<{a}>" for a in arguments])


def main():
    global REHEARSE, CALIBRATOR
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: calibrate.py REHEARSE [CALIBRATOR]")
    REHEARSE = str(Path(sys.argv[1]).resolve())
    if len(sys.argv) == 2:
        unittest.main(argv=[sys.argv[0], "Rehearse"])
    if not Path(sys.argv[2]).is_file():
        print("skipped: rehearse-calibrate was not built (no CUDA Toolkit)")
        sys.exit(77)
    CALIBRATOR = str(Path(sys.argv[2]).resolve())
    unittest.main(argv=[sys.argv[0], "Calibrator"])


if __name__ == "__main__":
    main()
