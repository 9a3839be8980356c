#!/usr/bin/env bash
# Instructions of the hot paths, under callgrind: a guard against regressions that does not depend on the machine's mood.
# Each path is run twice, the second time with more repetitions; the difference is what one repetition costs, without the
# program's start. Fails if one costs more than `ci/instructions.limits` allows. `--print` only shows.
# Needs valgrind. Limits hold for x86_64, and for the toolchain with which they were taken; raise them with a reason.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v valgrind >/dev/null || { echo "ci/instructions.sh: valgrind is missing" >&2; exit 1; }
only_print=${1:-}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

binary=$(cargo bench --bench table --no-run --message-format=json 2>"$out/cargo" |
    sed -n 's/.*"name":"table".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
[ -x "$binary" ] || { cat "$out/cargo" >&2; exit 1; }

# How often a thread polls before it sleeps depends on the clock, so the polls are left out.
polls=homebound::rt::spin::poll
nm --demangle "$binary" | grep "$polls" >/dev/null || { echo "ci/instructions.sh: there is no function $polls" >&2; exit 1; }

# Threads take turns under valgrind; `--fair-sched` makes the turns the same from run to run.
# `--toggle-collect` begins with nothing collected, so `--collect-atstart` has to come after it.
count() {
    valgrind --tool=callgrind --fair-sched=yes --toggle-collect="$polls" --collect-atstart=yes \
        --callgrind-out-file=/dev/null "$binary" --hot "$1" "$2" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

failed=0
printf '%-18s %12s %12s\n' path instructions limit
while read -r path repetitions limit; do
    case $path in '' | '#'*) continue ;; esac
    few=$(count "$path" "$repetitions")
    many=$(count "$path" $((3 * repetitions)))
    each=$(((many - few) / (2 * repetitions)))
    verdict=
    if [ "$each" -gt "$limit" ]; then
        verdict=TOO-MANY
        failed=1
    fi
    printf '%-18s %12d %12d %s\n' "$path" "$each" "$limit" "$verdict"
done <ci/instructions.limits

[ "$only_print" = --print ] || exit "$failed"
