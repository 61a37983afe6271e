#!/usr/bin/env bash
# Usage: build.sh [PRESET [CMAKE_BUILD_OPTION...]]   Configure and build build/PRESET (release); prints only failures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${1:-release}
[ $# -eq 0 ] || shift

generator=()
if [ ! -e "build/$preset/CMakeCache.txt" ] && command -v ninja >/dev/null; then
  generator=(-G Ninja)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() {
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    echo "build.sh: failed: $*" >&2
    exit 1
  fi
}
quietly cmake --preset "$preset" ${generator[@]+"${generator[@]}"}
quietly cmake --build "build/$preset" --parallel "$(nproc)" "$@"
