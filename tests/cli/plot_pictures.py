#!/usr/bin/env python3
"""scripts/plot.py on tables that the program writes: what is drawn, and that it is the same twice.

Usage: plot_pictures.py PROGRAM      exit status 77: no Python here has matplotlib
"""

import json
import os
import random
import re
import subprocess
import sys
import unittest
from pathlib import Path

from plot_support import SCRIPTS, PlotTest, run_tests


class Pictures(PlotTest):
    def test_time(self):
        self.assert_words(self.words("time", "sweep.csv"), "Iteration time by GPUs", "GPUs", "8", "16", "32",
                          "fat tree", "slow ring")
        lines = self.picture("time", "sweep.csv").axes.get_lines()
        for line, fabric in zip(lines, ("fat tree", "slow ring"), strict=True):
            rows = self.rows("sweep.csv", fabric=fabric)
            self.assertEqual(list(line.get_xdata()), [float(row["gpus"]) for row in rows])
            self.assertEqual(list(line.get_ydata()), [float(row["iteration_time_s"]) for row in rows])
        self.assert_words(self.words("time", "sweep.csv", "--y", "memory_peak_bytes", "--x", "cluster.nodes", "--where",
                                     "fabric=slow ring", "--title", "T"), "T", "nodes", "0 GiB", "1", "2", "4")

    def test_time_of_the_best(self):
        line, = self.picture("time", "sweep.csv", "--best", "--y", "tokens_per_s").axes.get_lines()
        best = {}
        for row in self.rows("sweep.csv"):
            best[row["gpus"]] = max(best.get(row["gpus"], 0), float(row["tokens_per_s"]))
        self.assertEqual(list(line.get_ydata()), [best[gpus] for gpus in ("8", "16", "32")])

    def test_words_along_the_x_axis_are_not_joined(self):
        picture = self.picture("time", "sweep.csv", "--x", "fabric")
        self.assertEqual([line.get_linestyle() for line in picture.axes.get_lines()], ["None"] * 3)
        self.assert_words(self.words("time", "sweep.csv", "--x", "fabric"), "fat tree", "slow ring", "nodes 4")

    def test_scaling(self):
        self.assert_words(self.words("scaling", "sweep.csv"), "Weak scaling efficiency", "100 %", "slow ring",
                          "Tokens per second per GPU, relative to the fewest GPUs")
        self.assertIn("Strong scaling efficiency", self.words("scaling", "strong.csv"))
        self.assertIn("Weak scaling efficiency", self.words("scaling", "strong.csv", "--kind", "weak"))
        self.assertIn("Scaling efficiency", self.words("scaling", "sweep.csv", "--best", "--by", "version", "--where",
                                                       "gpus=8"))
        rows = self.rows("strong.csv")
        rates = [float(row["tokens_per_s"]) / float(row["gpus"]) for row in rows]
        for y, wanted in (("tokens_per_s", rates), ("mfu", [float(row["mfu"]) for row in rows])):
            line = self.picture("scaling", "strong.csv", "--y", y).axes.get_lines()[-1]
            for found, rate in zip(line.get_ydata(), wanted, strict=True):
                self.assertAlmostEqual(found, rate / wanted[0], delta=1e-12)

    def test_algorithms(self):
        rows = self.rows("sizes.csv")
        names = {row["algorithm"] for row in rows}
        words = self.words("algorithms", "sizes.csv")
        self.assert_words(words, "all_reduce, 16 ranks on 2 nodes", "4 KiB", "64 KiB", "16 MiB", *names)
        self.assertTrue(any(word.endswith(" GB/s") for word in words))
        self.assertTrue(any(word.endswith(" us") for word in self.words("algorithms", "sizes.csv", "--y", "time")))
        dots = set()
        lines = self.picture("algorithms", "sizes.csv").axes.get_lines()
        first = [bool(line.get_markevery()) for line in lines]
        self.assertEqual(first, sorted(first, reverse=True))
        for line in lines:
            dots |= {(line.get_xdata()[at], line.get_ydata()[at]) for at in line.get_markevery()}
        sizes = sorted({float(row["bytes"]) for row in rows})
        self.assertEqual([x for x, _ in sorted(dots)], sizes)
        for x, y in dots:
            best = max(float(row["busbw_gbps"]) for row in rows if float(row["bytes"]) == x)
            self.assertAlmostEqual(y, best * 1e9, delta=1)

    def test_compare(self):
        words = self.words("compare", "sweep.csv", "--where", "gpus=32")
        self.assert_words(words, "Where the time goes", "compute", "tensor communication", "fat tree", "slow ring",
                          "One iteration, on the slowest GPU; 32 GPUs")
        rows = self.rows("sweep.csv", gpus="32")
        times = [float(row["iteration_time_s"]) for row in rows]
        self.assertTrue(any(word.endswith(" +%.0f %%" % (100 * (times[1] / times[0] - 1))) for word in words), words)
        picture = self.picture("compare", "sweep.csv", "--where", "gpus=32")
        for number, time in enumerate(times):
            bars = [box for box in picture.axes.patches if round(box.get_y() + box.get_height() / 2) == number]
            self.assertAlmostEqual(sum(bar.get_width() for bar in bars) / time, 1, delta=1e-9)
        self.assertEqual(picture.axes.get_lines()[-1].get_xdata()[0], min(times))
        # Iterations of different batches are not held against each other.
        self.assertFalse(any("%" in word for word in self.words("compare", "sweep.csv")))

    def test_compare_takes_the_best_of_many(self):
        picture = self.picture("compare", "sweep.csv", "--top", "2")
        best = sorted(self.rows("sweep.csv"), key=lambda row: -float(row["tokens_per_s"]))[:2]
        self.assertEqual([label.get_text() for label in picture.axes.get_yticklabels()],
                         ["nodes " + row["cluster.nodes"] for row in best])  # both have the same fabric

    def test_long_labels_fit(self):
        picture = self.picture("compare", "long.csv")
        renderer = picture.canvas.get_renderer()
        labels = [label.get_window_extent(renderer) for label in picture.axes.get_yticklabels()]
        self.assertEqual(len(labels), 12)
        left = picture.axes.get_window_extent().x0
        for label in labels:
            self.assertGreater(label.x0, 0)
            self.assertLess(label.x1, left)
        for upper, lower in zip(labels, labels[1:]):
            self.assertGreaterEqual(upper.y0, lower.y1)
        for total in picture.axes.texts:
            self.assertLess(total.get_window_extent(renderer).x1, picture.width)

    def test_predicted(self):
        statistics = json.loads(Path("times.json").read_text(encoding="utf-8"))["studies"][0]["statistics"]
        mean = "%.1f %%" % (100 * statistics[-1]["mean_absolute_error"])
        words = self.words("predicted", "times.csv")
        self.assert_words(words, "Predicted against measured time: MAPE %s of 3 rows" % mean, "measured, us",
                          "predicted, us",
                          "rings", mean + " of 3 rows")
        points = self.picture("predicted", "times.csv").axes.collections[-1].get_offsets()
        rows = self.rows("times.csv")
        for (x, y), row in zip(points, rows, strict=True):
            self.assertAlmostEqual(x / (1e-6 * float(row["measured"])), 1, delta=1e-12)
            self.assertAlmostEqual(y / (1e-6 * float(row["predicted"])), 1, delta=1e-12)

    def test_the_bands_are_errors_of_time(self):
        for table, edges in (("times.csv", ((0.8, 1.2), (0.9, 1.1))),
                             ("rates.csv", ((1 / 1.2, 1 / 0.8), (1 / 1.1, 1 / 0.9)))):
            for band, of_band in zip(self.picture("predicted", table).axes.collections, edges):
                ratios = sorted({round(y / x, 9) for x, y in band.get_paths()[0].vertices})
                self.assertEqual(ratios, [round(edge, 9) for edge in of_band])

    def test_a_memory_is_no_throughput(self):
        table = "study,figure,unit,measured,predicted,error\nm,memory_peak,GB,64,80,0.25\nm,memory_peak,GB,40,40,0\n"
        self.place.write("memory.csv", table)
        self.assert_words(self.words("predicted", "memory.csv"), "measured, GiB", "predicted, GiB",
                          "Each point is a row; the bands are errors of 10 % and 20 % of the size")
        picture = self.picture("predicted", "memory.csv")
        ratios = {round(y / x, 9) for x, y in picture.axes.collections[0].get_paths()[0].vertices}
        self.assertEqual(ratios, {0.8, 1.2})
        self.assertEqual(picture.axes.collections[-1].get_offsets()[0].tolist(), [64e9, 80e9])

    def test_several_figures_have_panels_of_their_own(self):
        words = self.words("predicted", "both.json")
        self.assert_words(words, "rings", "runs", "measured", "measured, us")
        for name in ("Time", "Samples per second"):
            self.assertTrue(any(re.fullmatch(name + r": \d+\.\d % of [23] rows", word) for word in words), words)
        picture = self.picture("predicted", "both.json")
        panels = picture.figure.axes
        self.assertEqual([len(panel.collections[-1].get_offsets()) for panel in panels], [3, 2])
        boxes = [panel.get_window_extent(picture.canvas.get_renderer()) for panel in panels]
        self.assertAlmostEqual(boxes[0].width, boxes[0].height, delta=1e-6)
        self.assertLess(boxes[0].x1, boxes[1].x0)

    def test_a_list_says_what_was_not_predicted(self):
        words = self.words("predicted", "both.json")
        self.assertTrue(any(word.endswith(" % of 2 rows, 1 not predicted") for word in words), words)

    def test_lists_do_not_meet_what_is_below(self):
        rows = ["study,figure,unit,measured,predicted,error"]
        for figure, unit, studies in (("time", "us", 9), ("busbw", "GB/s", 1), ("mfu", "", 2), ("memory_peak", "B", 1)):
            rows += ["study %d with a name of many words that has to go on in a second line,%s,%s,1,1,0" %
                     (number, figure, unit) for number in range(studies)]
        self.place.write("panels.csv", "\n".join(rows) + "\n")
        for size in ([], ["--height", "1300"], ["--width", "700"]):
            picture = self.picture("predicted", "panels.csv", *size)
            renderer = picture.canvas.get_renderer()
            panels = [panel.get_tightbbox(renderer) for panel in picture.figure.axes]
            lists = [shown.get_window_extent(renderer) for shown in picture.figure.legends]
            self.assertEqual((len(panels), len(lists)), (4, 4))
            for box in lists:
                self.assertFalse([panel for panel in panels if box.overlaps(panel)], size)
                self.assertGreater(box.y0, 0)
                self.assertLess(box.x1, picture.width)

    def test_colours_of_a_png_are_those_that_were_drawn(self):
        from PIL import Image, ImageChops
        rows = ["study,figure,unit,measured,predicted,error"]
        for number in range(9):
            rows += ["study %d,time,us,%d,%d,0" % (number, 9 * at + number, 10 * at + number) for at in range(1, 40)]
        self.place.write("colours.csv", "\n".join(rows) + "\n")
        picture = self.picture("predicted", "colours.csv")
        picture.save("colours.png")
        drawn = Image.frombuffer("RGBA", picture.canvas.get_width_height(), picture.canvas.buffer_rgba()).convert("RGB")
        off = ImageChops.difference(drawn, Image.open("colours.png").convert("RGB"))
        self.assertLessEqual(max(most for _, most in off.getextrema()), 24)

    def test_json_gives_the_same_picture_as_csv(self):
        for name in ("times", "both"):
            pictures = []
            for ending in ("csv", "json"):
                self.plot("predicted", name + "." + ending, "-o", "p.svg")
                pictures.append(Path("p.svg").read_bytes())
            self.assertEqual(*pictures)

    def test_rows_that_failed_are_counted(self):
        self.assertEqual(self.plot("time", "sweep.csv"), "plot.py: left out 2 of 8 rows: 2 plan cannot run\n")
        self.assertEqual(self.plot("time", "strong.csv"), "")
        self.assertEqual(self.plot("predicted", "rates.csv"), "plot.py: left out 1 of 3 rows: 1 not predicted\n")

    def test_the_same_bytes_in_every_process(self):
        for kind, table in (("time", "sweep.csv"), ("algorithms", "sizes.csv"), ("compare", "long.csv"),
                            ("predicted", "times.csv")):
            files = []
            for seed in ("1", "2"):
                outputs = ["%s%s.%s" % (kind, seed, ending) for ending in ("svg", "png")]
                subprocess.run([sys.executable, SCRIPTS / "plot.py", kind, table, "-o", outputs[0], "-o", outputs[1]],
                               env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True)
                files.append([Path(output).read_bytes() for output in outputs])
            self.assertEqual(files[0], files[1])

    def test_a_table_from_standard_input(self):
        with open("strong.csv", "rb") as table:
            subprocess.run([sys.executable, SCRIPTS / "plot.py", "time", "-"], stdin=table, check=True)
        self.assertTrue(Path("time.png").exists())


class Parts(unittest.TestCase):
    def test_places_of_names(self):
        from plots.style import spread
        chance = random.Random(1)
        for _ in range(300):
            wanted = [chance.uniform(0, 100) for _ in range(chance.randint(1, 12))]
            gap = chance.choice([1, 5, 20])
            places = spread(wanted, gap, 0, 100)
            gap = min(gap, 100 / max(1, len(wanted) - 1))
            by_wish = [place for _, place in sorted(zip(wanted, places))]
            for lower, upper in zip(by_wish, by_wish[1:]):
                self.assertGreaterEqual(upper - lower, gap - 1e-9)
            self.assertGreaterEqual(by_wish[0], -1e-9)
            self.assertLessEqual(by_wish[-1], 100 + 1e-9)
        self.assertEqual(spread([10, 50, 30], 16, 0, 100), [10, 50, 30])
        self.assertEqual(spread([50, 50], 16, 0, 100), [42, 58])

    def test_numbers_in_units(self):
        from plots.units import quantity
        for column, value, text in (("iteration_time_s", 0.0215, "21.5 ms"), ("iteration_time_s", 12, "12 s"),
                                    ("time_us", 0.0123, "12.3 ms"), ("bytes", 65536, "64 KiB"),
                                    ("bytes", 2**30, "1 GiB"), ("busbw_gbps", 4.2e9, "4.2 GB/s"),
                                    ("samples_per_gpu_s", 1.5, "1.5"), ("tokens_per_s", 226326, "226k"),
                                    ("tokens_per_s", 0, "0"), ("mfu", 0.4, "40 %"),
                                    ("gpus", 1024, "1,024")):
            self.assertEqual(quantity(column).text(value), text)
        self.assertEqual(quantity("samples_per_gpu_s").name, "samples per second and GPU")

    def test_places_at_powers_of_two(self):
        from plots.axes import places_by_two
        self.assertEqual(places_by_two([8, 24, 64]), [8, 24, 64])
        self.assertEqual(places_by_two([100, 110, 1000]), [128, 256, 512])
        wide = places_by_two([2.0**n for n in range(3, 31)])
        self.assertEqual(wide, [2.0**n for n in (5, 10, 15, 20, 25, 30)])


if __name__ == "__main__":
    run_tests()
