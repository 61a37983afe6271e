#!/usr/bin/env python3
"""Fit what single studies tell of frameworks and of a device in a long run, by the program itself.

Usage: fit_software.py [--program FILE] [SET...]     (build/release/bin/rehearse, all sets; Python's standard library)

Each set of SETS has a study of which every so manieth row is fitted, and parameters: one after another is moved, by at
most 40 %, to where the mean absolute error of these rows is least (golden section), round after round. Run
fit_training.py first, which fits the A100. Prints what it finds; the files are not changed.
"""
import argparse

from fit_nccl import ROOT, golden_section, mean_absolute
from fit_training import Parameter, simulate

DEEPSPEED = "frameworks/megatron-deepspeed-2023.yaml"
SETS = {  # study, every so manieth row, rounds, parameters
    "host": ("a100_single_node", 5, 3, [Parameter(DEEPSPEED, "host:", "forward", 1, 200, "us"),
                                        Parameter(DEEPSPEED, "host:", "backward", 1, 200, "us"),
                                        Parameter(DEEPSPEED, "host:", "micro_batch", 0.01, 5, "ms")]),
    "megatron-2021": ("sc21", 2, 1, [Parameter("frameworks/megatron-lm-2021.yaml", "libraries:", "streams", 0.5, 1.5)]),
    "zero-3": ("sc21_table2", 2, 1, [Parameter("frameworks/deepspeed-2021.yaml", "", "sharding", 1, 200, "GB/s")]),
    "h100": ("nvidia_h100", 3, 1, [Parameter("devices/h100-80gb-sxm.yaml", "sustained:", "products", 0.5, 1)]),
}


def fit(program, name):
    study, every, rounds, parameters = SETS[name]

    def errors(values, whole=False):
        return [ratio - 1 for ratio in simulate(program, parameters, values, {study: every}, whole)[study]]

    values = [p.read() for p in parameters]
    for _ in range(rounds):
        for i, p in enumerate(parameters):
            low, high = max(p.least, values[i] / 1.4), min(p.most, values[i] * 1.4)
            values[i] = golden_section(lambda x, i=i: mean_absolute(errors([*values[:i], x, *values[i + 1:]])), low, high)
    print(f"{name}:", ", ".join(f"{p.name} {v:.3g} {p.unit}".strip() for p, v in zip(parameters, values)))
    part, whole = errors(values), errors(values, whole=True)
    print(f"  {study}: mean absolute error {mean_absolute(part):.1f} % of {len(part)} rows fitted, "
          f"{mean_absolute(whole):.1f} % of all {len(whole)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "bin" / "rehearse"))
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET", help=", ".join(SETS))
    options = parser.parse_args()
    for name in options.sets:
        fit(options.program, name)


if __name__ == "__main__":
    main()
