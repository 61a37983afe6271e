#!/usr/bin/env python3
"""scripts/plot.py on tables and command lines that are wrong: one line that says how, exit status 2, no file.

Usage: plot_errors.py PROGRAM      exit status 77: no Python here has matplotlib
"""

import os
import subprocess
import sys
from pathlib import Path

from plot_support import SCRIPTS, PlotTest, run_tests


class Errors(PlotTest):
    def one_error(self, message, *arguments):
        before = set(os.listdir())
        said = self.plot(*arguments, status=2)
        self.assertTrue(said.startswith("plot.py: "), said)
        self.assertEqual(said.count("\n"), 1, said)
        self.assertIn(message, said)
        self.assertEqual(set(os.listdir()), before)

    def test_wrong_tables(self):
        for content, message in (
                (b"", "an empty table: it has not even column names"),
                (b"gpus,iteration_time_s\n", "an empty table: it has no rows"),
                (b"\xff\xfe", "not a table: no text"),
                (b"gpus,iteration_time_s\n8\n", "wrong.csv:2: expected 2 cells as in the first line, found 1"),
                (b'gpus,iteration_time_s\n8,"1\n', "wrong.csv:2: unexpected end of data"),
                (b"gpus,iteration_time_s\n8,inf\n", "wrong.csv:2: iteration_time_s: expected a number, found 'inf'"),
                (b"{", "wrong.csv: JSON, but not what `rehearse validate --json` writes"),
                (b'{"results": []}', "wrong.csv: JSON, but not what `rehearse validate --json` writes"),
                (b'{"studies": [3]}', "wrong.csv: JSON, but not what `rehearse validate --json` writes"),
                (b'{"studies": []}', "wrong.csv: an empty table: it has no rows"),
                (b"gpus,iteration_time_s,status\n8,,fault\n9,,fault\n", "no row can be drawn: 2 fault")):
            self.place.write("wrong.csv", content)
            self.one_error(message, "time", "wrong.csv", "-o", "x.png")

    def test_what_does_not_fit_the_table(self):
        for message, *arguments in (
                ("no column 'gpu'; did you mean 'gpus'? there are: index, fabric,", "time", "sweep.csv", "--x", "gpu"),
                ("no column 'study'; there are: algorithm, time,", "predicted", "sizes.csv"),
                ("no column 'iteration_time_s'", "compare", "sizes.csv"),
                ("no column 'tokens_per_s'", "time", "sizes.csv", "--x", "bytes", "--y", "time", "--best"),
                ("no row has gpus '7'; there are: 8, 16, 32", "time", "sweep.csv", "--where", "gpus=7"),
                ("lines 2 and 6 have the same gpus and differ in fabric: choose with --where or --by", "time",
                 "sweep.csv", "--by", "cluster.nodes"),
                ("rows differ in op (all_reduce, all_gather): choose with --where op=all_reduce", "algorithms",
                 "two.csv"),
                ("models differ from line 2 to 3: compare them by --y tflops_per_gpu", "scaling",
                 "models.csv"),
                ("2 panels have no room in a height of 300 pixels", "predicted", "both.csv", "--height", "300"),
                ("36 values of study are too many to tell apart (at most 35)", "predicted", "crowd.csv"),
                ("no column 'iteration_time_s'", "time", "both.json", "--x", "gpus"),
                ("54 lines are too many to tell apart", "time", "many.csv"),
                ("only values above 0", "time", "strong.csv", "--y", "index", "--y-scale", "log")):
            self.write_odd_tables()
            self.one_error(message, *arguments, "-o", "x.svg")

    def write_odd_tables(self):
        text = Path("sizes.csv").read_text(encoding="utf-8")
        self.place.write("two.csv", text + text.splitlines()[1].replace("all_reduce", "all_gather") + "\n")
        self.place.write("models.csv", "gpus,tokens_per_s,parameters\n8,1,1e9\n16,2,2e9\n")
        self.place.write("crowd.csv", "study,figure,unit,measured,predicted,error\n" +
                         "".join("s%d,time,us,1,1,0\n" % number for number in range(36)))
        self.place.write("many.csv", "plan,name,gpus,iteration_time_s\n" +
                         "".join("p%d,n,8,1\n" % number for number in range(54)))

    def test_wrong_usage(self):
        for message, *arguments in (
                ("KIND", ),
                ("invalid choice: 'tim'", "tim", "sweep.csv"),
                ("none.csv: No such file or directory", "time", "none.csv"),
                (".: Is a directory", "time", "."),
                ("-o x.pdf: expected a name that ends in .png or .svg", "time", "sweep.csv", "-o", "x.pdf"),
                ("-o x: expected a name that ends in .png or .svg", "time", "sweep.csv", "-o", "x"),
                ("none/x.png: No such file or directory", "time", "sweep.csv", "-o", "none/x.png"),
                ("none/x.svg: No such file or directory", "time", "sweep.csv", "-o", "none/x.svg"),
                ("--where gpus: expected COLUMN=VALUE", "time", "sweep.csv", "--where", "gpus"),
                ("--width: expected a whole number from 300 to 4000, found '9'", "time", "sweep.csv", "--width", "9")):
            self.one_error(message, *arguments)

    def test_without_matplotlib(self):
        (self.place.path / "without").mkdir()
        self.place.write("without/matplotlib.py", "raise ModuleNotFoundError('none', name='matplotlib')\n")
        done = subprocess.run([sys.executable, SCRIPTS / "plot.py", "time", "sweep.csv"], capture_output=True,
                              text=True, env={**os.environ, "PYTHONPATH": "without"}, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (2, "", "plot.py: matplotlib is missing (Debian: apt-get install python3-matplotlib)\n"))


if __name__ == "__main__":
    run_tests()
