#!/usr/bin/env bash
# Usage: update_golden.sh [PROGRAM]   Rewrite the expected figures of the example scenarios (tests/golden/scenarios.json)
# with those of PROGRAM (default: build/release/bin/rehearse, built first); prints what changes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

program=${1:-build/release/bin/rehearse}
[ $# -gt 0 ] || scripts/build.sh release --target rehearse
python3 tests/golden/compare.py --program "$program" --update
