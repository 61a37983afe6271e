#!/usr/bin/env bash
# Rehearse an iteration of a 145-billion-parameter GPT on 1,536 A100 GPUs; the output goes to ./demo-output.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

"$root/scripts/install_dependencies.sh"
"$root/scripts/build.sh" release

mkdir -p demo-output
"$root/build/release/bin/rehearse" run "$root/scenarios/sc21-145.6b.yaml" \
  --trace demo-output/timeline.pftrace --json demo-output/result.json

echo
echo "The timeline is in $PWD/demo-output/timeline.pftrace, the numbers are in result.json beside it."
echo "To look at it, open https://ui.perfetto.dev and drop the file onto the page."
