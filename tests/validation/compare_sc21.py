#!/usr/bin/env python3
"""Hold the ten scaling runs of Narayanan et al., SC'21, Table 1 against the simulator.

Usage: compare_sc21.py [--program FILE] [--markdown] [--limit PERCENT] [-j N]

Runs scenarios/sc21-*.yaml through the program and prints measured and simulated TFLOP/s a GPU (recomputation counted,
as in the paper). Exit status: 0; 1 where the mean absolute error is above the limit (10 %) or a scenario is not the
run of the table; 2 where the program does not run.
"""

import argparse
import concurrent.futures
import csv
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("megatron_sc21_table1.csv")
# Columns of the table, and where the resolved scenario has the same.
SAME = {"heads": "model.heads", "hidden": "model.hidden", "layers": "model.layers", "TP": "plan.tensor",
        "PP": "plan.pipeline", "DP": "plan.data", "global_batch": "plan.global_batch",
        "micro_batch": "plan.micro_batch", "virtual_stages": "plan.virtual_stages"}


def rows():
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def scenario_of(row):
    return f"sc21-{float(row['params_B']):g}b"


def simulate(program, row):
    command = [program, "run", str(ROOT / "scenarios" / f"{scenario_of(row)}.yaml"), "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def mismatches(row, result):
    """What of the run is not as in the table; FLOPs within 0.5 %, since the table rounds."""
    out = []
    for column, path in SAME.items():
        section, key = path.split(".")
        found = result["scenario"][section][key]
        if found != int(row[column]):
            out.append(f"{path} is {found}, the table has {row[column]}")
    if result["gpus"] != int(row["gpus"]):
        out.append(f"{result['gpus']} GPUs, the table has {row['gpus']}")
    petaflop = result["tflops_per_gpu"] * 1e-3 * result["gpus"] * result["iteration_time_s"]
    if abs(petaflop / float(row["derived_flops_per_iter_PF"]) - 1) > 0.005:
        out.append(f"{petaflop:.1f} PFLOP an iteration, the table has {row['derived_flops_per_iter_PF']}")
    return [f"{scenario_of(row)}: {text}" for text in out]


def cells(row, result):
    measured, simulated = float(row["tflops_per_gpu"]), result["tflops_per_gpu"]
    plan = f"{row['TP']} x {row['PP']} x {row['DP']}"
    if int(row["virtual_stages"]) > 1:
        plan += f", {row['virtual_stages']} chunks"
    return [f"{float(row['params_B']):g}B", f"{int(row['gpus']):,}", plan, f"{measured:.0f}", f"{simulated:.1f}",
            f"{100 * (simulated / measured - 1):+.1f} %", f"{result['wall_s']:.2f} s"]


def print_table(lines, markdown):
    head = ["model", "GPUs", "tensor x pipeline x data", "measured TFLOP/s", "simulated", "error", "simulated in"]
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    left = {0, 2}
    for number, line in enumerate([head, *lines]):
        padded = [cell.ljust(width) if i in left else cell.rjust(width)
                  for i, (cell, width) in enumerate(zip(line, widths))]
        print("| " + " | ".join(padded) + " |" if markdown else "  ".join(padded))
        if markdown and number == 0:
            rule = ["-" * (w + 2) if i in left else "-" * (w + 1) + ":" for i, w in enumerate(widths)]
            print("|" + "|".join(rule) + "|")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / "build/release/bin/rehearse"))
    parser.add_argument("--markdown", action="store_true", help="print the table of the README")
    parser.add_argument("--limit", type=float, default=10.0, help="of the mean absolute error, in per cent")
    parser.add_argument("-j", type=int, default=1, help="simulations at a time")
    arguments = parser.parse_args()
    if not Path(arguments.program).is_file():
        parser.error(f"there is no program '{arguments.program}' (build it, or name it with --program)")
    table = rows()
    with concurrent.futures.ThreadPoolExecutor(max(1, arguments.j)) as pool:
        results = list(pool.map(lambda row: simulate(arguments.program, row), table))
    print_table([cells(row, result) for row, result in zip(table, results)], arguments.markdown)
    errors = [result["tflops_per_gpu"] / float(row["tflops_per_gpu"]) - 1 for row, result in zip(table, results)]
    mean = 100 * sum(map(abs, errors)) / len(errors)
    print(f"\nMean absolute error {mean:.1f} % (mean {100 * sum(errors) / len(errors):+.1f} %, "
          f"largest {100 * max(map(abs, errors)):.1f} %) over {len(errors)} runs.")
    faults = [fault for row, result in zip(table, results) for fault in mismatches(row, result)]
    if len(table) != 10:
        faults.append(f"{TABLE.name}: {len(table)} rows, expected 10")
    if not mean <= arguments.limit:
        faults.append(f"the mean absolute error is above {arguments.limit:g} %")
    for fault in faults:
        print(f"compare_sc21.py: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        print(f"compare_sc21.py: {error}", file=sys.stderr)
        sys.exit(2)
