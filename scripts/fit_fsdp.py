#!/usr/bin/env python3
"""Fit what the A100's profile and workloads/frameworks/fsdp-2023.yaml take from MosaicML's FSDP runs, by the program
itself.

Usage: fit_fsdp.py [--program FILE] [--with-gemm]      (default: build/release/bin/rehearse; Python's standard library)

Fitted to every third row of tests/validation/mosaicml_fsdp_a100.csv; the others say how well that holds:

  flash_attention.forward, .backward   of a100-80gb-sxm: long sequences tell them from all else
  iteration                            of the framework

and with --with-gemm the efficiency of matrix products, too: what these rows alone would have. Kernels follow one
another, so that the time of a row is nearly linear in the reciprocals of efficiencies and in the iteration's overhead:
each round takes the slopes from the program, moves one parameter after another to where the mean absolute error is
least (golden section), and asks the program again.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile

from fit_nccl import ROOT, golden_section, mean_absolute

STUDY = ROOT / "tests/validation/mosaicml_fsdp.yaml"
CATALOGUES = {name: ROOT / folder / name for folder, names in {
    "platforms": ("devices", "nodes", "clusters"), "workloads": ("models", "frameworks"), ".": ("scenarios",)}.items()
    for name in names}
DEVICE, FRAMEWORK = "devices/a100-80gb-sxm.yaml", "frameworks/fsdp-2023.yaml"
ROUNDS = 3


class Parameter:
    """A number of a catalogue's file: the first behind `key` after the line of its section."""

    def __init__(self, file, section, key, least, most, unit="", is_rate=False):
        self.file, self.least, self.most, self.is_rate = file, least, most, is_rate
        self.pattern = re.compile(rf"({section}.*?\b{key}: )([\d.]+)({' ' + unit if unit else ''})", re.DOTALL)
        self.name, self.unit = f"{section} {key}".strip(), unit

    def read(self, text):
        return float(self.pattern.search(text)[2])

    def write(self, text, value):
        return self.pattern.sub(lambda m: f"{m[1]}{value:.6g}{m[3]}", text, count=1)

    def work(self, value):
        """What the time is linear in."""
        return 1 / value if self.is_rate else value


PARAMETERS = [Parameter(DEVICE, "flash_attention:", "forward", 0.2, 0.9, is_rate=True),
              Parameter(DEVICE, "flash_attention:", "backward", 0.15, 0.9, is_rate=True),
              Parameter(FRAMEWORK, "", "iteration", 1, 200, "ms")]
GEMM = Parameter(DEVICE, "fp16:", "efficiency", 0.6, 1, is_rate=True)


def simulate(program, parameters, values):
    """Predicted over measured time, by row."""
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder)
        for name, source in CATALOGUES.items():
            (data / name).mkdir()
            for file in source.glob("*.yaml"):
                (data / name / file.name).write_text(file.read_text())
        for parameter, value in zip(parameters, values):
            path = data / parameter.file
            path.write_text(parameter.write(path.read_text(), value))
        done = subprocess.run([program, "validate", STUDY, "-q", "--json", "-"], capture_output=True, text=True,
                              check=False, env={**os.environ, "REHEARSE_DATA": folder})
    if not done.stdout:
        raise SystemExit(done.stderr)
    return [1 + row["error"] for row in json.loads(done.stdout)["studies"][0]["rows"]]


def improved(program, parameters, values):
    """One round."""
    at = simulate(program, parameters, values)
    slopes = []
    for i, parameter in enumerate(parameters):
        moved = [v * 1.1 if j == i else v for j, v in enumerate(values)]
        step = parameter.work(moved[i]) - parameter.work(values[i])
        slopes.append([(b - a) / step for a, b in zip(at, simulate(program, parameters, moved))])

    def loss(trial):
        change = [p.work(t) - p.work(v) for p, t, v in zip(parameters, trial, values)]
        return mean_absolute([at[row] + sum(c * s[row] for c, s in zip(change, slopes)) - 1
                              for row in range(0, len(at), 3)])

    best = list(values)
    for _ in range(200):
        for i, parameter in enumerate(parameters):
            low, high = max(parameter.least, best[i] / 1.3), min(parameter.most, best[i] * 1.3)
            trial = [*best[:i], golden_section(lambda x, i=i: loss([*best[:i], x, *best[i + 1:]]), low, high),
                     *best[i + 1:]]
            best = trial if loss(trial) < loss(best) else best
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "bin" / "rehearse"))
    parser.add_argument("--with-gemm", action="store_true")
    options = parser.parse_args()
    parameters = PARAMETERS + [GEMM] * options.with_gemm
    values = [p.read((CATALOGUES[p.file.split("/")[0]].parent / p.file).read_text()) for p in parameters]
    for _ in range(ROUNDS):
        values = improved(options.program, parameters, values)
    for parameter, value in zip(parameters, values):
        print(f"{parameter.name} {value:.3g} {parameter.unit}".strip())
    errors = [e - 1 for e in simulate(options.program, parameters, values)]
    others = [e for i, e in enumerate(errors) if i % 3]
    print(f"mean absolute error {mean_absolute(errors[::3]):.1f} % of {len(errors[::3])} rows fitted, "
          f"{mean_absolute(others):.1f} % of {len(others)} others")


if __name__ == "__main__":
    main()
