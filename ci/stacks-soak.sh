#!/usr/bin/env bash
# Captures threads that never hold still, back to back, for so many seconds (default: 3600). Exits with 0 if no stack was wrong
# without a mark, no thread that sleeps saw EINTR, and no answer of a signal went to another request.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo run --quiet --release --package homebound-stacks --example soak -- "${1:-3600}"
