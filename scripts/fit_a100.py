#!/usr/bin/env python3
"""Fit the A100's `gemm.efficiency` to measured training times.

There is no table of matrix products for the A100, so the shape of the model is the H100's (scripts/fit_gemm.py) with
both ramps scaled by FLOP per byte of memory traffic; the memory efficiency is assumed, because these times do not tell
it from the other (a free fit gives 0.6 to 0.9, by the choice of rows). What is left is fitted to three sources, each of
equal weight (squared mean relative error of its rows; of Table 4, the mean square of three):

  layer   Korthikanti et al. 2022, Table 4: one layer forward, backward, and the selective recomputation
  node    vTrain, one node: hidden 2048, pipeline 1, micro batch >= 2 * tensor (with less work for a GPU the host is
          the limit)
  nodes   vTrain, 64 GPUs: 3.6B, pipeline 1, micro batch >= 4, tensor 1 and 2

megatron_sc21_table1.csv is not used, only printed. Reads the tables from --tables. Needs numpy.
"""
import argparse
import pathlib

try:
    import numpy as np
except ImportError:
    raise SystemExit("needs numpy: apt-get install python3-numpy, then /usr/bin/python3") from None

from fit_gemm import Machine, gemm_seconds, minimise

HALF = 2                 # bytes of an fp16 element
VOCABULARY = 51200
MEMORY_EFFICIENCY = 0.8  # assumed
LATENCY = 1e-6           # of a memory-bound kernel, assumed
ADAM_BYTES = 40          # moved for each parameter: fp32 weight, two moments, gradient; fp16 weight and gradient
FABRIC = 90e9            # bytes/s of a gradient all-reduce between nodes, bus bandwidth of a GPU, assumed


def a100(efficiency):
    """Ramps: the H100's 195 and 38 elements times (312/2039) / (989.4/3350)."""
    return Machine(312e12, 108, 2.039e12, MEMORY_EFFICIENCY, 2e-6, HALF, efficiency, 3e-6, 101, 20)


def products(d, shapes):
    return float(gemm_seconds(d, *np.array(shapes).T).sum())


def streams(d, byte_counts):
    return sum(d.launch + LATENCY + b / (d.bandwidth * d.memory_efficiency) for b in byte_counts)


class AllReduce:
    """Measured times within one node."""

    def __init__(self, path):
        self.rows = np.genfromtxt(path, delimiter=",", skip_header=2)

    def seconds(self, gpus, size):
        rows = self.rows[self.rows[:, 0] == gpus]
        if gpus == 1 or not len(rows):
            return 0.0
        if size > rows[-1, 1]:
            return rows[-1, 2] * 1e-6 * size / rows[-1, 1]
        return float(np.interp(size, rows[:, 1], rows[:, 2])) * 1e-6


def core(d, batch, seq, head):
    """Forward of what selective recomputation repeats: scores, softmax, dropout, context."""
    scores = batch * seq * seq
    return (products(d, [(batch, seq, seq, head), (batch, seq, head, seq)])
            + streams(d, [4 * scores, 5 * scores]))


def layer(d, b, s, h, heads, t):
    """Compute time of one transformer layer on one tensor-parallel rank: forward, backward."""
    tokens, head, batch = b * s, h // heads, b * heads // t
    wide, scores = tokens * 4 * h // t, batch * s * s
    shapes = [(1, tokens, 3 * h // t, h), (batch, s, s, head), (batch, s, head, s), (1, tokens, h, h // t),
              (1, tokens, 4 * h // t, h), (1, tokens, h, 4 * h // t)]
    back = [(x, m, k, n) for x, m, n, k in shapes] + [(x, k, n, m) for x, m, n, k in shapes]
    # layer norm; bias, dropout and residual; softmax and its dropout; GeLU. Reads and writes of fp16, masks of a byte.
    forward = [4 * tokens * h, 7 * tokens * h] * 2 + [4 * scores, 5 * scores, 4 * wide]
    backward = [6 * tokens * h, 5 * tokens * h, 6 * tokens * h] * 2 + [6 * scores, 5 * scores, 6 * wide]
    return products(d, shapes) + streams(d, forward), products(d, back) + streams(d, backward)


def logits(d, b, s, h, t):
    """Forward and backward of the output layer and the loss (fp32)."""
    tokens, v = b * s, VOCABULARY // t
    return (products(d, [(1, tokens, v, h), (1, tokens, h, v), (1, h, v, tokens)])
            + streams(d, [4 * tokens * h, 6 * tokens * v, 4 * tokens * v, 4 * tokens * v, 4 * tokens * v,
                          8 * tokens * v, 6 * tokens * v, 6 * tokens * h]))


def iteration(d, reduce, gpus, global_batch, b, h, heads, layers, s, t, dp, pp):
    """One training iteration, full recomputation, 1F1B or (pp 1) gradient accumulation; interleaving is left out."""
    micro = global_batch // b // dp
    forward, backward = layer(d, b, s, h, heads, t)
    tensor = 6 * reduce.seconds(t, HALF * b * s * h)          # two each in forward, recomputation and backward
    stage = layers / pp * (2 * forward + backward + tensor)
    parameters = 12 * layers * h * h / t / pp + VOCABULARY * h / t
    data = (reduce.seconds(dp, HALF * parameters) if gpus <= 8 else
            2 * HALF * parameters * (dp - 1) / dp / FABRIC)
    return ((micro + pp - 1) * stage + micro * logits(d, b, s, h, t) / pp + data
            + streams(d, [ADAM_BYTES * parameters]))


def table4(d, reduce):
    """Predicted and measured: forward with its two all-reduces; backward, whose all-reduces run beside the weight
    gradients; the recomputation of the attention core (13.2 - 11.9 ms)."""
    forward, backward = layer(d, 4, 2048, 6144, 64, 8)
    forward += 2 * reduce.seconds(8, HALF * 4 * 2048 * 6144)
    return np.array([forward, backward, core(d, 4 * 64 // 8, 2048, 96)]), np.array([7.7e-3, 11.9e-3, 1.3e-3])


def predict(d, reduce, rows):
    return np.array([iteration(d, reduce, *(int(x) for x in row)) for row in rows])


class Sources:
    def __init__(self, folder):
        self.reduce = AllReduce(folder / "a100_nccl_allreduce.csv")
        one = np.genfromtxt(folder / "a100_single_node.csv", delimiter=",", skip_header=3)
        self.one = one[(one[:, 3] >= 2048) & (one[:, 9] == 1) & (one[:, 2] >= 2 * one[:, 7])]
        many = np.genfromtxt(folder / "a100_multi_node.csv", delimiter=",", skip_header=3)
        self.many = many[(many[:, 0] == 3.6) & (many[:, 8] <= 2) & (many[:, 10] == 1) & (many[:, 3] >= 4)][:, 1:]
        sc21 = np.genfromtxt(folder / "megatron_sc21_table1.csv", delimiter=",", skip_header=4)
        # gpus, global batch, micro batch, hidden, heads, layers, seq, TP, DP, PP, seconds
        self.sc21 = np.column_stack([sc21[:, [7, 8, 9, 2, 1, 3]], np.full(len(sc21), 2048), sc21[:, [4, 6, 5, 15]]])

    def errors(self, efficiency):
        d = a100(efficiency)
        predicted, measured = table4(d, self.reduce)
        return [predicted / measured - 1,
                predict(d, self.reduce, self.one[:, :10]) / (self.one[:, 10] * 1e-3) - 1,
                predict(d, self.reduce, self.many[:, :10]) / (self.many[:, 10] * 1e-3) - 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=pathlib.Path, default=pathlib.Path(__file__).parents[1] / "tests/validation",
                        help="folder of the measured tables (default: tests/validation)")
    sources = Sources(parser.parse_args().tables)

    def objective(p):
        layer_errors, one, many = sources.errors(p[0])
        return (layer_errors ** 2).mean() + one.mean() ** 2 + many.mean() ** 2

    (efficiency,), _ = minimise(objective, [0.75], [0.5], [1])
    print(f"gemm efficiency {efficiency:.3f} at memory efficiency {MEMORY_EFFICIENCY}")
    d = a100(round(efficiency, 2))
    predicted, measured = table4(d, sources.reduce)
    for name, a, b in zip(("forward", "backward", "selective recomputation"), predicted, measured):
        print(f"  Table 4 {name}: {a * 1e3:.2f} ms, measured {b * 1e3:.1f} ms")
    for name, e in zip(("layer", "node", "nodes"), sources.errors(d.efficiency)):
        print(f"  {name:6s} {len(e):3d} rows: mean error {100 * e.mean():+.1f} %, "
              f"mean absolute {100 * abs(e).mean():.1f} %")
    print("not fitted, SC'21 Table 1 (no interleaving, no pipeline transfers here):")
    for row, seconds in zip(sources.sc21, predict(d, sources.reduce, sources.sc21[:, :10])):
        print(f"  {int(row[0]):5d} GPUs, TP {int(row[7])}, PP {int(row[9]):2d}: {seconds:7.3f} s, "
              f"measured {row[10]:7.3f} s, {100 * (seconds / row[10] - 1):+.1f} %")


if __name__ == "__main__":
    main()
