"""Columns as quantities: what they are called, and numbers in units that people read."""

from .table import words

TIME = ((1, " s"), (1e-3, " ms"), (1e-6, " us"), (1e-9, " ns"))
BYTES = ((2**40, " TiB"), (2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB"), (1, " B"))
BANDWIDTH = ((1e12, " TB/s"), (1e9, " GB/s"), (1e6, " MB/s"), (1e3, " KB/s"), (1, " B/s"))
FLOPS = ((1e15, " PFLOP/s"), (1e12, " TFLOP/s"), (1e9, " GFLOP/s"))
COUNT = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""))
SHARE = ((0.01, " %"),)
PLAIN = ((1, ""),)

PREFIXES = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30,
            "Ti": 2**40, "Pi": 2**50}


def with_prefixes(stem, units, size=1.0):
    return {prefix + stem: (units, factor * size) for prefix, factor in PREFIXES.items()}


# Units of the column `unit` of `rehearse validate`.
FACTORS = {"s": (TIME, 1), "ms": (TIME, 1e-3), "us": (TIME, 1e-6), "\u00b5s": (TIME, 1e-6), "\u03bcs": (TIME, 1e-6),
           "ns": (TIME, 1e-9), "ps": (TIME, 1e-12), "min": (TIME, 60), "h": (TIME, 3600), **with_prefixes("B", BYTES),
           **with_prefixes("b", BYTES, 1 / 8), **with_prefixes("B/s", BANDWIDTH),
           **with_prefixes("b/s", BANDWIDTH, 1 / 8), **with_prefixes("FLOP/s", FLOPS)}

NAMES = {
    "gpus": "GPUs", "nodes": "nodes", "num_nodes": "ranks", "mfu": "MFU", "hfu": "HFU", "ops": "operations",
    "tflops_per_gpu": "TFLOP/s per GPU", "tflops": "TFLOP/s",
    "algbw_gbps": "algorithm bandwidth", "busbw_gbps": "bus bandwidth",
    "bytes": "size", "time": "time", "time_us": "time", "bubble_s": "pipeline bubble",
}
# Endings of columns: unit, factor, and what stands for the ending in the name.
ENDINGS = (("_per_gpu_s", COUNT, 1, " per second and GPU"), ("_per_s", COUNT, 1, " per second"),
           ("_comm_s", TIME, 1, " communication"), ("_s", TIME, 1, ""),
           ("_us", TIME, 1e-6, ""), ("_bytes", BYTES, 1, ""), ("_gbps", BANDWIDTH, 1e9, ""))
EXACT = {"time": (TIME, 1), "bytes": (BYTES, 1), "mfu": (SHARE, 1), "hfu": (SHARE, 1), "tflops_per_gpu": (FLOPS, 1e12),
         "parameters": (COUNT, 1)}


class Quantity:
    """A name, units from the largest down, and the factor from a cell to the unit of size 1."""

    def __init__(self, name, units, factor=1.0):
        self.name, self.units, self.factor = name, units, factor

    @property
    def binary(self):
        return self.units is BYTES

    def unit(self, value):
        """The largest unit that the value has one of."""
        return next((unit for unit in self.units if abs(value) >= unit[0] * (1 - 1e-12)), self.units[-1])

    def text(self, value, unit=None, digits=3):
        """12345 with '1,234' digits where whole, else with `digits` significant ones."""
        size, suffix = unit or self.unit(value)
        number = value / size
        if number == 0 and self.units is COUNT:
            return "0"
        if abs(number) >= 10**(digits - 1) or number == round(number):
            return "{:,.0f}".format(number) + suffix
        return ("%.*g" % (digits, number)) + suffix

    def exact(self, value):
        """With four digits: '1.230 s'."""
        size, suffix = self.unit(value)
        number = value / size
        whole = len("%.0f" % abs(number))
        return "{:,.{}f}".format(number, max(0, 4 - whole)) + suffix


def quantity(column):
    if column in EXACT:
        return Quantity(NAMES.get(column, words(column)), *EXACT[column])
    for ending, units, factor, instead in ENDINGS:
        if column.endswith(ending):
            name = words(column.removesuffix(ending)) + instead
            return Quantity(NAMES.get(column, name), units, factor)
    return Quantity(NAMES.get(column, words(column)), PLAIN)
