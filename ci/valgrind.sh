#!/usr/bin/env bash
# Memcheck over some of the suites: reads and writes of memory that is not there, or not initialised, in the code as it is built for
# the tests, std and libc included. A selection: valgrind runs one thread at a time, some thirty times slower. Left out are tests
# that start this binary again, that have a bound of time or memory, and that start thousands of threads.
#
# Leaks are not asked for: tests forget values on purpose. Helgrind and DRD are not run: they know pthread locks and not the futexes
# of parking_lot, std and our own words, so that every hand-over of a thread is a "race" to them; ThreadSanitizer is asked
# instead (ci/sanitizers.sh). Needs valgrind 3.19 or later. Minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v valgrind >/dev/null || { echo "ci/valgrind.sh: valgrind is missing" >&2; exit 1; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# Error exits are of memcheck's; a test that fails there fails here.
memcheck=(valgrind --quiet --tool=memcheck --leak-check=no --error-exitcode=9 --fair-sched=yes --num-callers=30)

# suite, then filters of libtest's: each runs what contains one of them.
selection=(
    'promises p1_return p1_err p1_body_panics p1_thread_panics p1_stop p3_ p4_an p4_isolated p5_'
    'semantics reuse::c1_name reuse::c1_a_stop reuse::c2_'
    'semantics --skip takes_time --skip ::p1_ exit::e1_ exit::e2_ exit::e5_ e7_calls::e7_payloads'
    'semantics --skip overdue_before --skip deep_tree stop::s01_ s02_down::s2_a s03_reason::s3_a s03_proof::s3_a stop::s04_ stop::s05_ stop::s06_ stop::s09_'
    'semantics tree::current::current_ tree::paths::paths_ tree::adopted::threads_spawned'
    'semantics channel::send_ w1_shown::w1_ wait::w2_ wait::w4_'
)
failed=0
for line in "${selection[@]}"; do
    read -r suite filters <<<"$line"
    binary=$(cargo test --test "$suite" --no-run --message-format=json 2>"$out/cargo" |
        sed -n 's/.*"name":"'"$suite"'".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1) || true
    [ -x "$binary" ] || { cat "$out/cargo" >&2; exit 1; }
    # shellcheck disable=SC2086 # filters are words
    "$binary" --list --format terse $filters | sed -n 's/: test$//p' >"$out/all"
    # Those that start this binary again would start it without valgrind.
    grep -lq . "$out/all" || { echo "ci/valgrind.sh: $suite has no test like $filters" >&2; exit 1; }
    printf '\n== %s: %s tests\n' "$suite" "$(wc -l <"$out/all")"
    # shellcheck disable=SC2086
    if ! timeout 900 "${memcheck[@]}" "$binary" $filters --test-threads=1 >"$out/log" 2>&1; then
        failed=1
        cut -c1-300 "$out/log" | tail -n 80
    else
        grep '^test result' "$out/log"
    fi
done
exit "$failed"
