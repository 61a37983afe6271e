#!/usr/bin/env python3
"""Fit what published training runs on A100 tell of the device and of frameworks, by the program itself.

Usage: fit_training.py [--program FILE] [--rounds N] [--jobs N]    (build/release/bin/rehearse; Python's standard library)

Fitted to part of the rows of the studies in STUDIES; the others, and the whole of sc21.yaml and sc21_table2.yaml, say
how well that holds. What is least: the mean over the studies of their mean absolute errors, and of their biases. The
parameters are in PARAMETERS, by file; the starting point is what the files say now. Prints what it finds; the files are
not changed.

Kernels follow one another, so that the time of a row is nearly linear in the reciprocals of efficiencies, in latencies
and in overheads: each round takes the slopes from the program, moves one parameter after another to where the loss of
the rows so extrapolated is least (golden section, each by at most a fifth), and asks the program again.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import tempfile

from fit_nccl import ROOT, golden_section, mean_absolute

STUDIES = {"a100_single_node": 6, "a100_multi_node": 3, "korthikanti2022_table4": 1, "zero_bubble": 2, "mosaicml_fsdp": 3}
FOLDERS = {"platforms": ("devices", "nodes", "clusters"), "workloads": ("models", "frameworks"), ".": ("scenarios",)}
CATALOGUES = {name: ROOT / folder / name for folder, names in FOLDERS.items() for name in names}
MOST_STEP = 1.2


class Parameter:
    """A number of a catalogue's file: the first behind `key` after its section begins."""

    def __init__(self, file, section, key, least, most, unit="", is_rate=False):
        self.file, self.least, self.most, self.is_rate, self.unit = file, least, most, is_rate, unit
        self.pattern = re.compile(rf"({section}.*?\b{key}: )([\d.]+)({' ' + unit if unit else ''})", re.DOTALL)
        self.name = f"{pathlib.Path(file).stem} {section}{key}"

    def read(self):
        return float(self.pattern.search((CATALOGUES[self.file.split("/")[0]].parent / self.file).read_text())[2])

    def write(self, text, value):
        return self.pattern.sub(lambda m: f"{m[1]}{value:.6g}{m[3]}", text, count=1)

    def work(self, value):
        """What the time is linear in."""
        return 1 / value if self.is_rate else value


A100 = "devices/a100-80gb-sxm.yaml"
PARAMETERS = [
    Parameter(A100, "fp16:", "efficiency", 0.6, 1, is_rate=True),
    Parameter(A100, "fp16:", "setup", 0.5, 10, "us"),
    Parameter(A100, "fp16:", "k_ramp", 10, 400),
    Parameter(A100, "fp16:", "tile_ramp", 2, 80),
    Parameter(A100, "memory:", "efficiency", 0.5, 0.95, is_rate=True),
    Parameter(A100, "memory:", "latency", 0.2, 10, "us"),
    Parameter(A100, "flash_attention:", "forward", 0.2, 0.9, is_rate=True),
    Parameter(A100, "flash_attention:", "backward", 0.15, 0.9, is_rate=True),
    Parameter("frameworks/megatron-lm-2021.yaml", "host:", "message", 0.001, 2, "ms"),
    Parameter("frameworks/fsdp-2023.yaml", "", "iteration", 1, 200, "ms"),
]


def write_catalogues(folder, parameters, values):
    for name, source in CATALOGUES.items():
        (folder / name).mkdir()
        for file in source.glob("*.yaml"):
            (folder / name / file.name).write_text(file.read_text())
    for parameter, value in zip(parameters, values):
        path = folder / parameter.file
        path.write_text(parameter.write(path.read_text(), value))


def write_study(folder, name, every):
    """The study with every so manieth row of its table, without its limits."""
    text = (ROOT / f"tests/validation/{name}.yaml").read_text()
    text = re.sub(r"^limits:.*(\n .*)*", "", text, flags=re.MULTILINE)
    table = re.search(r"^table: (.*)$", text, re.MULTILINE)[1]
    lines = (ROOT / "tests/validation" / table).read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    rows = lines[first + 1:]
    (folder / table).write_text("\n".join(lines[:first + 1] + rows[::every]) + "\n")
    (folder / f"{name}.yaml").write_text(text)
    return folder / f"{name}.yaml"


def simulate(program, parameters, values, studies, whole=False):
    """Predicted over measured time of the rows, by study: of every so manieth row, or the whole."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_catalogues(folder, parameters, values)
        files = [write_study(folder, study, 1 if whole else every) for study, every in studies.items()]
        done = subprocess.run([program, "validate", *files, "-q", "-j", "1", "--json", "-"], capture_output=True,
                              text=True, check=False, env={**os.environ, "REHEARSE_DATA": name})
    if not done.stdout:
        raise SystemExit(done.stderr)
    return {pathlib.Path(study["file"]).stem: [1 + row["error"] for row in study["rows"] if row["state"] == "compared"]
            for study in json.loads(done.stdout)["studies"]}


def loss_of(ratios):
    errors = [[r - 1 for r in rows] for rows in ratios.values()]
    return sum(mean_absolute(e) + abs(sum(e)) / len(e) * 50 for e in errors) / len(errors)


def improved(program, parameters, values, jobs):
    """One round."""
    def moved(i):
        step = 1.08 if values[i] * 1.08 <= parameters[i].most else 1 / 1.08
        return [v * step if j == i else v for j, v in enumerate(values)]

    trials = [values] + [moved(i) for i in range(len(values))]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        at, *others = pool.map(lambda trial: simulate(program, parameters, trial, STUDIES), trials)
    slopes = []
    for i, (parameter, other) in enumerate(zip(parameters, others)):
        step = parameter.work(moved(i)[i]) - parameter.work(values[i])
        slopes.append({s: [(b - a) / step for a, b in zip(at[s], other[s])] for s in at})

    def loss(trial):
        change = [p.work(t) - p.work(v) for p, t, v in zip(parameters, trial, values)]
        return loss_of({s: [a + sum(c * slope[s][row] for c, slope in zip(change, slopes) if c)
                            for row, a in enumerate(rows)] for s, rows in at.items()})

    best, least = list(values), loss(values)
    for _ in range(12):
        before = least
        for i, parameter in enumerate(parameters):
            low, high = max(parameter.least, values[i] / MOST_STEP), min(parameter.most, values[i] * MOST_STEP)
            x = golden_section(lambda x, i=i: loss([*best[:i], x, *best[i + 1:]]), low, high)
            trial = [*best[:i], x, *best[i + 1:]]
            if loss(trial) < least:
                best, least = trial, loss(trial)
        if before - least < 1e-3:
            break
    return best, loss_of(at), least


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "bin" / "rehearse"))
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    values = [p.read() for p in PARAMETERS]
    for _ in range(options.rounds):
        values, before, hoped = improved(options.program, PARAMETERS, values, options.jobs)
        print(f"loss {before:.3f}, then {hoped:.3f} hoped for:", " ".join(f"{v:.4g}" for v in values), flush=True)
    for parameter, value in zip(PARAMETERS, values):
        print(f"{parameter.name} {value:.3g} {parameter.unit}".strip())
    for study, ratios in simulate(options.program, PARAMETERS, values, STUDIES, whole=True).items():
        errors = [r - 1 for r in ratios]
        every = STUDIES[study]
        others = [e for i, e in enumerate(errors) if i % every]
        print(f"{study}: mean absolute error {mean_absolute(errors[::every]):.1f} % of {len(errors[::every])} rows fitted"
              + (f", {mean_absolute(others):.1f} % of {len(others)} others" if others else ""))


if __name__ == "__main__":
    main()
