#!/usr/bin/env python3
"""Fit what the host costs in workloads/frameworks/megatron-deepspeed-2023.yaml, by the program itself.

Usage: fit_host.py [--program FILE]                  (default: build/release/bin/rehearse; needs numpy)

Fitted to every fifth row of tests/validation/a100_single_node.csv, most of which are bound by the host: the mean absolute
error is least. Run fit_training.py first, which fits the device.
"""
import argparse

from fit_gemm import minimise
from fit_nccl import ROOT, mean_absolute
from fit_training import Parameter, simulate

FRAMEWORK = "frameworks/megatron-deepspeed-2023.yaml"
STUDY, EVERY = "a100_single_node", 5
PARAMETERS = [Parameter(FRAMEWORK, "host:", "forward", 1, 200, "us"),
              Parameter(FRAMEWORK, "host:", "backward", 1, 200, "us"),
              Parameter(FRAMEWORK, "host:", "micro_batch", 0.01, 5, "ms")]


def errors(program, values, whole=False):
    return [ratio - 1 for ratio in simulate(program, PARAMETERS, values, {STUDY: EVERY}, whole)[STUDY]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "bin" / "rehearse"))
    program = parser.parse_args().program
    values, _ = minimise(lambda trial: mean_absolute(errors(program, trial)), [p.read() for p in PARAMETERS],
                         [p.least for p in PARAMETERS], [p.most for p in PARAMETERS])
    for parameter, value in zip(PARAMETERS, values):
        print(f"{parameter.name} {value:.3g} {parameter.unit}")
    of_all = errors(program, values, whole=True)
    others = [e for i, e in enumerate(of_all) if i % EVERY]
    print(f"mean absolute error {mean_absolute(of_all[::EVERY]):.1f} % of {len(of_all[::EVERY])} rows fitted, "
          f"{mean_absolute(others):.1f} % of {len(others)} others")


if __name__ == "__main__":
    main()
