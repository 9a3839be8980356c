#!/usr/bin/env bash
# The fleet of examples/fleet: ten rounds of ten replacements with kills at random, then the other trials. Two minutes or three.
#
#   ci/fleet.sh [--quick]      --quick: one round of four replacements, and the poison; ten seconds or so
#
# Needs PostgreSQL. Where it is missing, `--quick` says so and exits with 0, and the full run exits with 1.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && [ -z "${FLEET_POSTGRES:-}" ] && ! command -v initdb >/dev/null; then
    echo "ci/fleet.sh: there is no PostgreSQL here (apt-get install postgresql): the fleet was not tried" >&2
    [ "${1:-}" = --quick ] && exit 0
    exit 1
fi
cargo build --quiet --package homebound-fleet
fleet=${CARGO_TARGET_DIR:-target}/debug/fleet
if [ "${1:-}" = --quick ]; then
    "$fleet" replace --jobs 200 --replacements 4
    exec "$fleet" poison
fi
"$fleet" replace --rounds 10 --replacements 10
exec "$fleet" poison outage query crashes suspend
