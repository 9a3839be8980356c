#!/usr/bin/env bash
# The suites under ThreadSanitizer and AddressSanitizer, on stable (RUSTC_BOOTSTRAP=1), with a prebuilt std. Takes some
# minutes for each. Tests that re-execute themselves under a limit of time or memory, and trybuild, are left out.
#
# What it cannot see: races inside a destructor that Arc::drop runs (suppressed), and locks inside std. Expected under
# ThreadSanitizer: two tests that use std::thread::scope or count child processes. Expected under LeakSanitizer: tests that forget
# values on purpose, or raise payloads in Drop.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
suites='binary(exits) or binary(ancestor) or binary(reuse) or binary(/^semantics_(exit|stop|failure|tree|wait|report)$/)'
suites+=' or binary(conformance) or (binary(promises) and test(/^p[1-58]_/))'
suites+=' or (binary(faults) and test(/^(drops|passed|subscribers|files)::/))'
# Named, so that what is left out need not be built.
tests=()
for test in exits ancestor reuse conformance promises faults semantics_{exit,stop,failure,tree,wait,report}; do
    tests+=(--test "$test")
done
export RUSTC_BOOTSTRAP=1

under() {
    local name=$1 flags=$2
    printf '\n== %s\n' "$name"
    RUSTFLAGS="$flags" CARGO_TARGET_DIR="target/$name" \
        cargo nextest run --no-fail-fast --target "$host" "${tests[@]}" -E "$suites"
}

export TSAN_OPTIONS="suppressions=$PWD/ci/tsan.supp"
case "${1:-all}" in
    thread) under thread '-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer' ;;
    address) under address '-Zsanitizer=address' ;;
    all) "$0" thread || true; "$0" address ;;
    *) echo "usage: ci/sanitizers.sh [thread|address]" >&2; exit 2 ;;
esac
