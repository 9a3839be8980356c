#!/usr/bin/env bash
# One million threads one after another in one scope, with one name and with a million different ones: resident memory within 4 MiB
# of what it was after 10,000, fewer than 400 OS threads at any look, not one descriptor more. Prints the figures. Seconds for one
# name, a minute or more for a million: each of those is an OS thread of its own.
#
# Needs Linux (`/proc`). `cargo bench -- --row T9` has the same with 32 live at a time, as a row of docs/PERFORMANCE.md.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --release --test faults --no-run
for which in a_million_threads_of_one_name a_million_threads_of_a_million_names; do
    # A process each: what the first has left to the allocator is not the second's.
    cargo test --quiet --release --test faults -- --ignored --exact "million::$which" --nocapture
done
