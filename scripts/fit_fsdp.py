#!/usr/bin/env python3
"""Fit what the A100's profile and workloads/frameworks/fsdp-2023.yaml take from MosaicML's FSDP runs, by the program
itself.

Usage: fit_fsdp.py [--program FILE] [--with-gemm]      (Python's standard library only)

Fitted to every third row of tests/validation/mosaicml_fsdp_a100.csv; the others say how well that holds:

  flash_attention.forward, .backward   of a100-80gb-sxm: long sequences tell them from all else
  iteration                            of the framework

With --with-gemm the efficiency of matrix products, too: what these rows alone would have. Each parameter in turn is
moved to where the mean absolute error of the time is least (golden section), round after round.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

from fit_nccl import ROOT, golden_section, mean_absolute

STUDY = ROOT / "tests/validation/mosaicml_fsdp.yaml"
DEVICE = "cluster.node.device."
ROUNDS = 3
PARAMETERS = {  # start, unit, least, most
    DEVICE + "flash_attention.forward": (0.45, "", 0.2, 0.8),
    DEVICE + "flash_attention.backward": (0.27, "", 0.15, 0.5),
    "framework.iteration": (30, "ms", 1, 150),
}
GEMM = {DEVICE + "gemm.fp16.efficiency": (0.8, "", 0.7, 0.95)}


def simulate(program, values):
    """Errors of the rows, in the order of the table."""
    study = STUDY.read_text().replace("table: ", f"table: {STUDY.parent}/")
    settings = "".join(f"  {key}: {value:.6g} {PARAMETERS.get(key, GEMM.get(key))[1]}\n" for key, value in values.items())
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "study.yaml"
        path.write_text(study.split("\nlimits:")[0] + "\nset:\n" + settings)
        done = subprocess.run([program, "validate", path, "-q", "--json", "-"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return [row.get("error") for row in json.loads(done.stdout)["studies"][0]["rows"]]


def fitted_and_others(errors):
    return [[e for i, e in enumerate(errors) if (i % 3 == 0) == third and e is not None] for third in (True, False)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "bin" / "rehearse"))
    parser.add_argument("--with-gemm", action="store_true")
    options = parser.parse_args()
    parameters = {**PARAMETERS, **(GEMM if options.with_gemm else {})}
    values = {key: start for key, (start, _, _, _) in parameters.items()}

    def loss(trial):
        return mean_absolute(fitted_and_others(simulate(options.program, trial))[0])

    for number in range(ROUNDS):
        for key, (_, _, least, most) in parameters.items():
            if number:
                least, most = max(least, values[key] / 1.2), min(most, values[key] * 1.2)
            best = golden_section(lambda x, key=key: loss({**values, key: x}), least, most)
            if loss({**values, key: best}) < loss(values):
                values[key] = best
    for key, value in values.items():
        print(f"{key}: {value:.3g} {parameters[key][1]}")
    fitted, others = fitted_and_others(simulate(options.program, values))
    print(f"mean absolute error {mean_absolute(fitted):.1f} % of {len(fitted)} rows fitted, "
          f"{mean_absolute(others):.1f} % of {len(others)} others")


if __name__ == "__main__":
    main()
