#!/usr/bin/env python3
"""Check that every #include goes down the floors, and that each library stays where it belongs.

Usage: check_includes.py [ROOT]

ROOT is a source tree (default: the one this script is in). Prints one line for each violation, "file:line: reason".
Exit status: 0 none, 1 some, 2 bad usage (ROOT has no sources: a check of nothing proves nothing).
"""

import os
import re
import sys
from fnmatch import fnmatchcase
from pathlib import Path

# From the top to the ground. A folder may include itself and what is below it; tests/ may include anything.
FLOORS = ["cli", "reports", "scenarios", "workloads", "platforms", "topologies", "engine"]

# (library, patterns of its headers, patterns of the files that may include them); * also matches '/'.
LIBRARIES = [
    ("SimGrid", ["simgrid/*", "xbt/*", "xbt.h", "smpi/*"], ["engine/replay*"]),
    ("Boost.Graph", ["boost/graph/*"], ["topologies/*", "platforms/cluster*"]),
    ("yaml-cpp", ["yaml-cpp/*"], ["engine/base/*.cpp"]),
    ("CUDA", ["cuda*", "cublas*", "cudnn*", "curand*", "cusparse*", "cutlass/*", "nccl*", "nvml*", "nvtx*", "nvrtc*",
              "cooperative_groups*", "thrust/*", "cub/*", "mma.h"], ["platforms/calibrate/*"]),
    ("MPI", ["mpi.h", "mpi-ext.h"], ["workloads/execution/mpi.cpp"]),
    ("Eigen", ["Eigen/*", "eigen3/*", "unsupported/Eigen/*"], ["workloads/proof/*"]),
    ("CLI11", ["CLI/*"], ["cli/*"]),
    ("protozero", ["protozero/*"], ["reports/*"]),
    ("ns-3", ["ns3/*"], ["tests/ns3/*"]),
    ("nlohmann/json", ["nlohmann/*"], ["reports/*", "cli/*"]),
]

SUFFIXES = {".hpp", ".h", ".cpp", ".cc", ".cu", ".cuh", ".inl"}
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def sources(root):
    """Paths of the floors' sources, relative to root, sorted."""
    found = []
    for floor in FLOORS:
        for folder, _, names in os.walk(root / floor):
            found += [Path(folder, name).relative_to(root) for name in names if Path(name).suffix in SUFFIXES]
    return sorted(found)


def included_path(root, source, quoted, angled):
    """What the #include names, relative to root where it is ours: "../cli/x.hpp" becomes "cli/x.hpp"."""
    header = quoted or angled
    if quoted:
        beside = Path(os.path.normpath(root / source.parent / header))
        if beside.is_file() and beside.is_relative_to(root):
            return beside.relative_to(root).as_posix()
    return os.path.normpath(header).replace(os.sep, "/")


def floor_violation(source, header):
    """Why `source` may not include our `header`, or None."""
    own, _, _ = source.as_posix().partition("/")
    other, slash, _ = header.partition("/")
    if not slash or other not in FLOORS + ["tests"]:
        return None
    if other == "tests" or FLOORS.index(other) < FLOORS.index(own):
        return f"{own} may not include {header}: only what is at or below it ({', '.join(FLOORS[FLOORS.index(own):])})"
    if source.as_posix().startswith("engine/base/") and not header.startswith("engine/base/"):
        return f"engine/base may not include {header}: only engine/base"
    return None


def library_violation(source, header):
    """Why `source` may not include the library's `header`, or None."""
    for library, headers, places in LIBRARIES:
        if any(fnmatchcase(header, pattern) for pattern in headers):
            if not any(fnmatchcase(source.as_posix(), place) for place in places):
                return f"{library} ({header}) belongs only in {', '.join(places)}"
    return None


def violations(root, source):
    """Lines "file:line: reason" of one source."""
    out = []
    text = (root / source).read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        match = INCLUDE.match(line)
        if not match:
            continue
        header = included_path(root, source, *match.groups())
        reason = floor_violation(source, header) or library_violation(source, header)
        if reason:
            out.append(f"{source.as_posix()}:{number}: {reason}")
    return out


def main(arguments):
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    root = Path(arguments[0] if arguments else Path(__file__).parent.parent).resolve()
    found = sources(root)
    if not found:
        print(f"{root}: no sources in {', '.join(FLOORS)}", file=sys.stderr)
        return 2
    lines = [line for source in found for line in violations(root, source)]
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
