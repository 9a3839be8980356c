#!/usr/bin/env bash
# Random trees of scopes, groups, services, workers, deadlines, shields and panics, for SECONDS (3600 unless said otherwise).
# After each: no thread left in the kernel's list, no closure undropped, no descriptor more, no failure lost or invented; memory
# within 32 MiB of what it was after the warm-up. Prints its seed, a line a minute and a verdict; exit code 0 if all was well.
# Ctrl-C ends it with the verdict so far. `ci/soak.sh 60 SEED` begins with the tree of that seed.
#
# Needs Linux (`/proc`). What it cannot show: what no tree of its kind does, and which thread ran when: a seed gives the same
# tree again, not the same interleaving.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --example soak
exec "${CARGO_TARGET_DIR:-target}/release/examples/soak" "${1:-3600}" ${2:+"$2"}
