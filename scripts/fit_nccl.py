#!/usr/bin/env python3
"""Fit what platforms/nodes/*.yaml take from measured NCCL all_reduces, by the program itself.

Usage: fit_nccl.py [--program FILE]      (default: build/release/bin/rehearse; Python's standard library only)

Latencies, starts and efficiencies of the protocols on NVLink and InfiniBand are NCCL's own constants and are not fitted
here. Fitted, one set for each node type and each type of NIC, with the rows that tell most about each:

  dgx-a100  collectives.launch, collectives.copy                 a100_nccl_allreduce.csv, 2, 4 and 8 GPUs
  dgx-h100  nic.efficiency                                       h100_gjaion_2n_ring, 256 MiB and more
            nic.protocols.ll.efficiency                          h100_xe9680_2n_nvlstree, 64 KiB to 512 KiB
            collectives.in_switch.bandwidth, .start              h100_p5_1n and h100_xe9680_2n_nvlstree, 1 MiB and more
  p4d       nic.efficiency, nic.protocols.ll.latency and         a100_p4d_2n_efa
            .efficiency, nic.protocols.simple.latency

(runs of nccl_runs.csv.) Every second row of a run is fitted, the others only say how well that holds. Each parameter in
turn is moved to where the mean absolute percentage error of the time is least (golden section over its logarithm), round
after round. Where nccl-tests' out-of-place time is an outlier (first use) the in-place one counts: the less of the two.
"""
import argparse
import csv
import json
import math
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
VALIDATION = ROOT / "tests" / "validation"
ROUNDS = 3
STEPS = 9  # of each golden section


def read_rows(name):
    with open(VALIDATION / name, encoding="utf-8") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


class Run:
    """Measured times of one machine, and how the program is asked for the same."""

    def __init__(self, cluster, ranks, times, options=()):
        self.cluster, self.ranks, self.times, self.options = cluster, ranks, sorted(times.items()), options

    def simulate(self, program, settings):
        command = [program, "collective", "--op", "all_reduce", "--cluster", self.cluster, "--ranks", str(self.ranks),
                   "--json", "-", *self.options]
        for key, value in settings.items():
            command += ["--set", f"node.{key}={value}"]
        sizes = {size for size, _ in self.times}
        found = {}
        while sizes - found.keys():  # series of doubling sizes
            first = min(sizes - found.keys())
            last = max(s for s in sizes if s >= first and math.log2(s / first).is_integer())
            done = subprocess.run([*command, "--bytes", f"{first}:{last}"], capture_output=True, text=True, check=True)
            found.update({r["bytes"]: r["time_us"] for r in json.loads(done.stdout)["results"]})
        return [found[size] / time - 1 for size, time in self.times]


def nccl_tests(run_id, cluster, ranks, options=(), least=0, most=math.inf):
    rows = [r for r in read_rows("nccl_runs.csv") if r["run_id"] == run_id]
    times = {int(r["size_B"]): min(float(r["time_oop_us"]), float(r["time_ip_us"])) for r in rows}
    return Run(cluster, ranks, {s: t for s, t in times.items() if least <= s <= most}, options)


def dgx_a100():
    rows = read_rows("a100_nccl_allreduce.csv")
    return [Run("dgx-a100", n, {int(r["bytes"]): float(r["time_us"]) for r in rows if int(r["gpus"]) == n})
            for n in (2, 4, 8)]


MIB = 1 << 20
FITS = [  # runs, {parameter: (start, unit, least, most)}
    (dgx_a100(), {"collectives.launch": (20, "us", 1, 60), "collectives.copy": (500, "GB/s", 100, 5000)}),
    ([nccl_tests("h100_gjaion_2n_ring", "dgx-h100", 16, ("--algorithm", "ring", "--protocol", "simple"), 256 * MIB)],
     {"nic.efficiency": (0.95, "", 0.5, 1)}),
    ([nccl_tests("h100_xe9680_2n_nvlstree", "dgx-h100", 16, ("--algorithm", "nccl_tree", "--protocol", "ll"), 65536,
                 524288)], {"nic.protocols.ll.efficiency": (0.2, "", 0.01, 1)}),
    ([nccl_tests("h100_p5_1n", "dgx-h100", 8, (), MIB), nccl_tests("h100_xe9680_2n_nvlstree", "dgx-h100", 16, (), MIB)],
     {"collectives.in_switch.bandwidth": (300, "GB/s", 100, 450), "collectives.in_switch.start": (10, "us", 1, 40)}),
    ([nccl_tests("a100_p4d_2n_efa", "p4d", 16)],
     {"nic.protocols.simple.latency": (300, "us", 10, 1000), "nic.protocols.ll.latency": (80, "us", 10, 1000),
      "nic.efficiency": (0.9, "", 0.5, 1), "nic.protocols.ll.efficiency": (0.2, "", 0.01, 1)}),
]


def mean_absolute(errors):
    return 100 * sum(abs(e) for e in errors) / len(errors)


def golden_section(loss, least, most):
    """The x in least..most (by its logarithm) with the least loss."""
    ratio = (math.sqrt(5) - 1) / 2
    low, high = math.log(least), math.log(most)
    inner = [high - ratio * (high - low), low + ratio * (high - low)]
    values = [loss(math.exp(x)) for x in inner]
    for _ in range(STEPS):
        if values[0] <= values[1]:
            high = inner[1]
            inner = [high - ratio * (high - low), inner[0]]
            values = [loss(math.exp(inner[0])), values[0]]
        else:
            low = inner[0]
            inner = [inner[1], low + ratio * (high - low)]
            values = [values[1], loss(math.exp(inner[1]))]
    return math.exp(inner[0] if values[0] <= values[1] else inner[1])


def fit(program, runs, parameters, fixed):
    values = {key: start for key, (start, _, _, _) in parameters.items()}

    def errors(trial):
        settings = dict(fixed)
        settings.update({key: f"{trial[key]:.6g} {parameters[key][1]}".strip() for key in trial})
        return [run.simulate(program, settings) for run in runs]

    def loss(trial):
        return mean_absolute([e for of_run in errors(trial) for e in of_run[::2]])

    for number in range(ROUNDS):
        for key, (_, _, least, most) in parameters.items():
            narrow = 1.5 ** (2 - number) if number else 0  # the first round looks everywhere
            low, high = (least, most) if not narrow else (max(least, values[key] / narrow), min(most, values[key] * narrow))
            best = golden_section(lambda x, key=key: loss({**values, key: x}), low, high) if high > low else values[key]
            if loss({**values, key: best}) < loss(values):
                values[key] = best
    return values, errors(values)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "bin" / "rehearse"))
    program = parser.parse_args().program
    fixed = {}  # of each cluster: what was fitted before
    for runs, parameters in FITS:
        cluster = runs[0].cluster
        values, errors = fit(program, runs, parameters, fixed.setdefault(cluster, {}))
        for key, value in values.items():
            unit = parameters[key][1]
            fixed[cluster][key] = f"{value:.4g} {unit}".strip()
            print(f"{cluster}: {key} {fixed[cluster][key]}")
        fitted = mean_absolute([e for of_run in errors for e in of_run[::2]])
        held_out = [e for of_run in errors for e in of_run[1::2]]
        print(f"  mean absolute error {fitted:.1f} % of {sum(len(e[::2]) for e in errors)} rows fitted, "
              f"{mean_absolute(held_out):.1f} % of {len(held_out)} others")


if __name__ == "__main__":
    main()
