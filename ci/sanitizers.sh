#!/usr/bin/env bash
# The suites under ThreadSanitizer and AddressSanitizer, on stable (RUSTC_BOOTSTRAP=1), with a prebuilt std. Takes some
# minutes for each, and as many to build.
#
# Left out: ui and tidy, which run none of our code; api and serial, which start next to no thread; semantics_registry, and under
# ThreadSanitizer all tests with `signal` in their name: it holds a signal back until the thread that got it makes a call that it
# knows, and one that sleeps in a raw system call makes none (the test hangs, each time); of promises those with limits of time and
# memory (p6, p7, p9 to p11), of faults those that fill the machine or hide /proc; under ThreadSanitizer all of faults: they exchange
# the panic hook, whose lock is inside std, and take the descriptors that its symbolizer needs.
#
# What it cannot see: races inside a destructor that Arc::drop runs (suppressed), and locks inside std. Expected under
# ThreadSanitizer: tests that use std::thread::scope, that count child processes (ancestor: its symbolizer is one), that count up
# under a contended std::sync::Mutex (conformance: captures_may_take_a_lock_as_they_are_dropped,
# a_thread_locals_destructor_may_take_a_lock_that_others_hold), and on a busy machine those with limits of time. Expected under
# LeakSanitizer: tests that forget values on purpose, or raise payloads in Drop.
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
target=${CARGO_TARGET_DIR:-target}

under() {
    local name=$1 flags=$2 without=$3
    printf '\n== %s\n' "$name"
    RUSTFLAGS="$flags" CARGO_TARGET_DIR="$target/$name" CARGO_PROFILE_DEV_DEBUG=line-tables-only \
        cargo nextest run --no-fail-fast --target "$host" "${tests[@]}" -E "($suites) and not ($without)"
}

export TSAN_OPTIONS="suppressions=$PWD/ci/tsan.supp"
case "${1:-all}" in
    thread) under thread '-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer' 'test(signal) or binary(faults)' ;;
    address) under address '-Zsanitizer=address' 'none()' ;;
    all) "$0" thread || true; "$0" address ;;
    *) echo "usage: ci/sanitizers.sh [thread|address]" >&2; exit 2 ;;
esac
