#!/usr/bin/env python3
"""Fit the parameters of the matrix-product model to measured cuBLAS times on H100.

Prints the fitted parameters (they stand in platforms/devices/h100-80gb-sxm.yaml) and the errors on the rows of the fit
and on the rows held out. The model is the one of platforms/gemm_model.cpp; tests/golden/gemm_model_points.csv, written
by --write-points, is what a unit test holds the C++ against.

Needs numpy.
"""
import argparse
import dataclasses
import pathlib

try:
    import numpy as np
except ImportError:
    raise SystemExit("needs numpy: apt-get install python3-numpy, then /usr/bin/python3") from None

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "tests/validation/h100_gemm.csv"
POINTS = ROOT / "tests/golden/gemm_model_points.csv"

TILES = [(256, 128), (128, 256), (128, 128), (128, 64), (64, 128), (64, 64)]
SPLITS = [1, 2, 4, 8]


@dataclasses.dataclass
class Machine:
    """What the model knows of a device and of one precision; SI units."""
    peak: float               # FLOP/s
    multiprocessors: int
    bandwidth: float          # bytes/s
    memory_efficiency: float
    launch: float             # seconds
    element: int              # bytes
    efficiency: float
    setup: float              # seconds
    k_ramp: float             # elements of k
    tile_ramp: float          # elements of a tile's edge


def gemm_seconds(d, batch, m, n, k):
    """Time of C[b] (m x n) = A[b] (m x k) B[b] (k x n), arrays or numbers. As platforms/gemm_model.cpp."""
    batch, m, n, k = (np.asarray(x, dtype=float) for x in (batch, m, n, k))
    rate = d.bandwidth * d.memory_efficiency
    memory = batch * (m * k + k * n + m * n) * d.element / rate
    best = np.full(np.broadcast(batch, m, n, k).shape, np.inf)
    for tm, tn in TILES:
        tiles = batch * np.ceil(m / tm) * np.ceil(n / tn)
        loads = (1 + d.tile_ramp * (1 / tm + 1 / tn)) / (1 + d.tile_ramp * (1 / 256 + 1 / 128))
        tile_rate = d.peak / d.multiprocessors * d.efficiency / loads
        for split in SPLITS:
            waves = np.ceil(tiles * split / d.multiprocessors)
            compute = waves * 2 * tm * tn * (np.ceil(k / split) + d.k_ramp) / tile_rate
            partial_sums = 8 * split * batch * m * n / rate if split > 1 else 0
            best = np.minimum(best, np.maximum(compute, memory) + partial_sums)
    return d.launch + d.setup + best


def minimise(function, start, low, high):
    """Pattern search: each parameter up and down in turn, the step halved when nothing helps."""
    low, high = np.array(low), np.array(high)
    best = np.array(start, dtype=float)
    value = function(best)
    step = (high - low) / 4
    while (step / (high - low)).max() > 1e-5:
        improved = False
        for i in range(len(best)):
            for sign in (1, -1):
                trial = best.copy()
                trial[i] = min(max(trial[i] + sign * step[i], low[i]), high[i])
                if (trial_value := function(trial)) < value:
                    best, value, improved = trial, trial_value, True
        if not improved:
            step = step / 2
    return best, value


def h100(peak, element, p):
    efficiency, setup_us, k_ramp, tile_ramp = p
    return Machine(peak, 132, 3.35e12, 0.9, 2e-6, element, efficiency, setup_us * 1e-6, k_ramp, tile_ramp)


def fit(rows, seconds, peak, element):
    """Least mean absolute relative error, from several starts."""
    def mean_error(p):
        return np.abs(gemm_seconds(h100(peak, element, p), *rows.T) / seconds - 1).mean()
    low, high = [0.5, 0, 0, 0], [1, 8, 400, 100]
    starts = [[0.9, 3, 200, 40], [0.8, 2, 100, 10], [0.7, 4, 20, 60], [0.95, 3, 300, 80]]
    return min((minimise(mean_error, s, low, high) for s in starts), key=lambda r: r[1])[0]


def print_errors(what, predicted, measured):
    error = np.abs(predicted / measured - 1)
    for name, mask in (("all", measured > 0), ("of at least 10 us", measured >= 10e-6)):
        if mask.any():
            e = 100 * error[mask]
            print(f"  {what:34s} {name:18s} {mask.sum():4d} rows: median {np.median(e):5.1f} %, "
                  f"mean {e.mean():5.1f} %, 95th percentile {np.percentile(e, 95):5.1f} %, worst {e.max():5.1f} %")


def held_out(count):
    """Every fifth row of a fixed shuffle. (In the table's own order every fifth row has the same k.)"""
    mask = np.zeros(count, dtype=bool)
    mask[np.random.default_rng(0).permutation(count)[::5]] = True
    return mask


def print_parameters(what, p):
    print(f"{what}: efficiency {p[0]:.3f}, setup {p[1]:.2f} us, k_ramp {p[2]:.0f}, tile_ramp {p[3]:.0f}")


def fit_bf16(rows, bf16):
    hold = held_out(len(rows))
    p = fit(rows[~hold], bf16[~hold], 989.4e12, 2)
    print_parameters("bf16, fitted", p)
    p = [round(x, digits) for x, digits in zip(p, (3, 2, 0, 0))]  # as in the profile
    predicted = gemm_seconds(h100(989.4e12, 2, p), *rows.T)
    print_errors("bf16, rows of the fit", predicted[~hold], bf16[~hold])
    print_errors("bf16, rows held out", predicted[hold], bf16[hold])
    largest_k = rows[:, 3] == rows[:, 3].max()
    q = fit(rows[~largest_k], bf16[~largest_k], 989.4e12, 2)
    print_errors("bf16, k 4096 left out of a fit", gemm_seconds(h100(989.4e12, 2, q), *rows[largest_k].T),
                 bf16[largest_k])
    return p


def compare_fp8(rows, rate, bf16_parameters):
    """The fp8 column is compared, not used: a part of it is faster than the chip can be."""
    seconds = 2 * rows.prod(axis=1) / rate
    peak, boost_peak = 1978.9e12, 1978.9e12 * 1980 / 1830
    possible = rate <= peak
    print(f"fp8: {(~possible).sum()} of {len(rate)} rows are above the datasheet's peak, {(rate > boost_peak).sum()} "
          f"above what the highest clock (1980 MHz) allows, up to {rate.max() / 1e12:.0f} TFLOP/s")
    predicted = gemm_seconds(h100(peak, 1, bf16_parameters), *rows.T)
    print_errors("fp8, shape of bf16, rows below peak", predicted[possible], seconds[possible])
    print_errors("fp8, shape of bf16, every row", predicted, seconds)
    hold = held_out(len(rows)) & possible
    keep = ~held_out(len(rows)) & possible
    p = fit(rows[keep], seconds[keep], peak, 1)
    print_parameters("fp8, fitted to rows below peak (not used: no losses left)", p)
    predicted = gemm_seconds(h100(peak, 1, p), *rows.T)
    print_errors("fp8, rows of the fit", predicted[keep], seconds[keep])
    print_errors("fp8, rows held out", predicted[hold], seconds[hold])


def write_points():
    """Points of the model for the unit test; the parameters stand in each row, so no profile is needed."""
    machines = [Machine(989.4e12, 132, 3.35e12, 0.9, 2e-6, 2, 0.9, 3e-6, 194, 38),
                Machine(312e12, 108, 2.039e12, 0.8, 2e-6, 2, 0.77, 3e-6, 100, 20),
                Machine(1978.9e12, 132, 4.8e12, 0.9, 1e-6, 1, 1.0, 0, 0, 0)]
    sizes = [(1, 1, 1, 1), (1, 256, 256, 4096), (1, 4096, 4096, 4096), (4, 4096, 4096, 256), (64, 2048, 2048, 96),
             (64, 2048, 96, 2048), (1, 8192, 2304, 6144), (1, 129, 127, 333), (3, 1000, 50, 70000),
             (1, 51200, 12288, 2048), (1, 16384, 16, 16384)]
    fields = [f.name for f in dataclasses.fields(Machine)]
    lines = ["# Times of matrix products by scripts/fit_gemm.py --write-points; SI units; tests/unit/platforms_gemm.cpp",
             ",".join(fields + ["batch", "m", "n", "k", "seconds"])]
    for machine in machines:
        for size in sizes:
            values = [repr(getattr(machine, f)) for f in fields] + [str(x) for x in size]
            lines.append(",".join(values + [f"{float(gemm_seconds(machine, *size)):.12e}"]))
    POINTS.write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write-points", action="store_true", help=f"only rewrite {POINTS.relative_to(ROOT)}")
    if parser.parse_args().write_points:
        write_points()
        return
    table = np.genfromtxt(TABLE, delimiter=",", skip_header=2)
    rows = table[:, :4]
    compare_fp8(rows, table[:, 6] * 1e12, fit_bf16(rows, table[:, 5] * 1e-6))


if __name__ == "__main__":
    main()
