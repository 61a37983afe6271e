#!/usr/bin/env python3
"""Fit the link parameters of platforms/nodes/*.yaml to measured NCCL all-reduces (Python's standard library only).

1. dgx-a100, from tests/validation/a100_nccl_allreduce.csv (one node, n = 2, 4, 8 GPUs), under the ring model

       T(S, n) = launch + 2 (n - 1) (S / (n B e) + 2 L)

   B = 300 GB/s, NVLink 3 of one A100, one direction; e: what a ring reaches of it (interconnect.efficiency); L: latency
   of one GPU-switch link (interconnect.latency; a step crosses two); launch: software cost of one collective
   (collectives.launch). The model is linear in (launch, 1/(B e), L): weighted linear least squares, weight 1 / T^2, so
   that the sum of squared relative errors is least.

2. The NIC of dgx-h100, from the rows h100_gjaion_2n_ring of tests/validation/nccl_runs.csv (NCCL_ALGO=Ring, 2 nodes of
   8 H100, 8 x NDR400). A ring of 16 in 8 channels: each NIC carries an eighth, so the bound is 8 B e with B = 50 GB/s.

       T(S) = constant + 2 (n - 1) / n S / (8 B e)

   e (nic.efficiency) from the rows of 256 MiB and more, where bandwidth rules. Then, over all rows with e held, the
   latency P of one step from GPU to GPU of another node: a chunk makes 30 steps, of which 30 x 2/16 go between nodes:

       T(S) = launch + 26.25 (2 L) + 3.75 P + 2 (n - 1) / n S / (8 B e)       launch and L as fitted in 1

   Also the least efficiency of NVLink 4 (450 GB/s) that these rows allow: 7 of 8 channels leave a GPU over NVLink.
"""
import csv
import pathlib

VALIDATION = pathlib.Path(__file__).resolve().parent.parent / "tests" / "validation"


def read_rows(name):
    with open(VALIDATION / name, encoding="utf-8") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def solve(matrix, right):
    """Gauss-Jordan elimination with partial pivoting."""
    n = len(right)
    rows = [list(matrix[i]) + [right[i]] for i in range(n)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(n):
            if r != i:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i])]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def least_squares(features, times):
    """Parameters p that make the sum of (x p / t - 1)^2 least."""
    k = range(len(features[0]))
    scaled = [[value / t for value in x] for x, t in zip(features, times)]
    return solve([[sum(x[i] * x[j] for x in scaled) for j in k] for i in k], [sum(x[i] for x in scaled) for i in k])


def errors(features, times, parameters):
    return [sum(a * b for a, b in zip(x, parameters)) / t - 1 for x, t in zip(features, times)]


def mean_absolute(values):
    return 100 * sum(abs(v) for v in values) / len(values)


def fit_a100():
    bandwidth = 300e9
    rows = read_rows("a100_nccl_allreduce.csv")
    counts = [int(r["gpus"]) for r in rows]
    sizes = [int(r["bytes"]) for r in rows]
    times = [float(r["time_us"]) * 1e-6 for r in rows]
    features = [[1.0, 2 * (n - 1) / n * s, 4 * (n - 1)] for n, s in zip(counts, sizes)]
    launch, per_byte, latency = least_squares(features, times)
    off = errors(features, times, [launch, per_byte, latency])
    print(f"dgx-a100: {len(rows)} rows of a100_nccl_allreduce.csv, {min(sizes) >> 20} MiB to {max(sizes) >> 20} MiB")
    print(f"  interconnect.efficiency {1 / (per_byte * bandwidth):.4f}   of 300 GB/s")
    print(f"  interconnect.latency    {latency * 1e6:.3f} us")
    print(f"  collectives.launch      {launch * 1e6:.2f} us")
    for n in sorted(set(counts)):
        of_n = [i for i, m in enumerate(counts) if m == n]
        alone = least_squares([features[i][:2] for i in of_n], [times[i] for i in of_n])
        print(f"  n = {n}: mean absolute error {mean_absolute([off[i] for i in of_n]):.1f} %, of 64 MiB and more "
              f"{100 * sum(off[i] for i in of_n if sizes[i] >= 1 << 26) / sum(sizes[i] >= 1 << 26 for i in of_n):+.1f} %"
              f" (these rows alone would give efficiency {1 / (alone[1] * bandwidth):.3f})")
    print(f"  all: {mean_absolute(off):.1f} %")
    return launch, latency


def fit_nic(launch, latency):
    nics, port, n = 8, 50e9, 16
    rows = [r for r in read_rows("nccl_runs.csv") if r["run_id"] == "h100_gjaion_2n_ring"]
    sizes = [int(r["size_B"]) for r in rows]
    times = [float(r["time_oop_us"]) * 1e-6 for r in rows]
    large = [i for i, s in enumerate(sizes) if s >= 1 << 28]
    moved = [2 * (n - 1) / n * s / (nics * port) for s in sizes]
    _, inverse = least_squares([[1.0, moved[i]] for i in large], [times[i] for i in large])
    steps, crossing = 2 * (n - 1), 2 * (n - 1) * 2 / n
    rest = [launch + (steps - crossing) * 2 * latency + m * inverse for m in moved]
    # One parameter: minimise sum ((rest + crossing P) / t - 1)^2.
    step = sum((t - r) * crossing / t**2 for r, t in zip(rest, times)) / sum((crossing / t) ** 2 for t in times)
    off = [(r + crossing * step) / t - 1 for r, t in zip(rest, times)]
    busbw = max(2 * (n - 1) / n * s / t for s, t in zip(sizes, times))
    print(f"dgx-h100: {len(rows)} rows h100_gjaion_2n_ring of nccl_runs.csv ({len(large)} of 256 MiB and more)")
    print(f"  nic.efficiency          {1 / inverse:.4f}   of 50 GB/s; the largest busbw is {busbw / 8 / port:.4f}")
    print(f"  GPU to GPU, other node  {step * 1e6:.2f} us in all (PCIe up, port up, port down, PCIe down)")
    print(f"  interconnect.efficiency at least {busbw * 7 / 8 / 450e9:.4f} of 450 GB/s")
    print(f"  mean absolute error {mean_absolute(off):.1f} %, of 256 MiB and more "
          f"{mean_absolute([off[i] for i in large]):.1f} %")


if __name__ == "__main__":
    fit_nic(*fit_a100())
