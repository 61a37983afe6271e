#!/usr/bin/env bash
# Usage: test.sh [--asan]   Build the preset release and run all tests; --asan also runs the unit tests under sanitizers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

asan=false
for argument in "$@"; do
  case $argument in
    --asan) asan=true ;;
    *)
      echo "usage: test.sh [--asan]" >&2
      exit 2
      ;;
  esac
done

run_tests() {
  local preset=$1
  shift
  scripts/build.sh "$preset"
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$(nproc)" "$@"
}

scripts/install_dependencies.sh
if $asan; then run_tests asan -L '^unit$'; fi
run_tests release
