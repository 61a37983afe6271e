#!/usr/bin/env python3
"""Hold the key figures of the example scenarios against tests/golden/scenarios.json.

Usage: compare.py --program FILE [--update]

Every scenarios/*.yaml must be there, those that take long apart (SLOW). Figures are kept with six significant digits
and may differ by one unit of the last; ops and flows must be the same. --update rewrites the file
(scripts/update_golden.sh does that). Exit status: 0 as expected; 1 not.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).with_name("scenarios.json")
# More than two seconds each; tests/validation/sc21.yaml has those of its name.
SLOW = {"sc21-310.1b", "sc21-529.6b", "sc21-1008b", "deepseek-v3-2048"}
ROUNDED = ["iteration_time_s", "tflops_per_gpu", "memory_peak_bytes"]
EXACT = ["ops", "flows"]


def figures(program, scenario):
    """What the program says of a scenario; of a plan that cannot run, the exit status."""
    done = subprocess.run([program, "run", str(scenario), "--json", "-"], capture_output=True, text=True)
    if done.returncode != 0:
        return {"exit_status": done.returncode}
    result = json.loads(done.stdout)
    rounded = {key: type(result[key])(float(f"{result[key]:.6g}")) for key in ROUNDED}
    return {**rounded, **{key: result[key] for key in EXACT}}


def differences(name, expected, found):
    if expected is None:
        return [f"{name}: not in {GOLDEN.name}"]
    if found is None:
        return [f"{name}: in {GOLDEN.name}, but there is no such scenario"]
    out = []
    for key in sorted({*expected, *found}):
        a, b = expected.get(key), found.get(key)
        close = key in ROUNDED and a is not None and b is not None and abs(a - b) <= 1.01e-5 * abs(a)
        if a != b and not close:
            out.append(f"{name}: {key} is {b}, expected {a}")
    return out


def write(found):
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in sorted(found.items()))
    GOLDEN.write_text("{\n" + lines + "\n}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    scenarios = [path for path in sorted((ROOT / "scenarios").glob("*.yaml")) if path.stem not in SLOW]
    found = {path.stem: figures(arguments.program, path) for path in scenarios}
    if not found:
        sys.exit("compare.py: there are no scenarios")
    expected = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    faults = [fault for name in sorted({*expected, *found})
              for fault in differences(name, expected.get(name), found.get(name))]
    print("\n".join(faults) if faults else f"{len(found)} scenarios as expected")
    if arguments.update:
        write(found)
        return 0
    if faults:
        print("If this is meant, scripts/update_golden.sh takes the new figures.", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
