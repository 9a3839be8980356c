#!/usr/bin/env bash
# Mutation testing of the parts that proofs and counts depend on: src/rt, scope, stop, books, listen. Each mutant is one changed
# line or function body; a mutant that the tests let pass is either equivalent or a test that is missing. Some seconds for each of
# them, hours for all; further arguments go to cargo-mutants, e.g. `ci/mutants.sh -f src/stop.rs`, or `--shard 0/8`.
#
# Needs cargo-mutants (`cargo install cargo-mutants --locked`) and cargo-nextest. The tests are the fast suites of the promises and
# the semantics: not `ui`, which runs the compiler, and not `conformance` and `faults`, which are slow to link. The report is
# in mutants.out of the target directory.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo-mutants >/dev/null || { echo "ci/mutants.sh: cargo-mutants is missing" >&2; exit 1; }
files=(-f 'src/rt/*.rs' -f src/scope.rs -f src/stop.rs -f src/books.rs -f src/listen.rs)
case " $* " in *' -f '*) files=() ;; esac
suites=()
for suite in promises reuse semantics_exit semantics_stop semantics_tree semantics_wait; do
    suites+=(--test "$suite")
done
exec cargo mutants --test-tool nextest --jobs 1 --timeout 90 --build-timeout 600 --no-shuffle \
    --output "${CARGO_TARGET_DIR:-target}" "${files[@]}" "$@" -- "${suites[@]}"
