#!/usr/bin/env bash
# Mutation testing of the parts that proofs and counts depend on: src/rt, scope, stop, books, listen. Each mutant is one changed
# line or function body; a mutant that the tests let pass is either equivalent or a test that is missing. Those that have been judged
# are in ci/mutants/survivors, with the reason; exits with 0 if no other has survived. Ten seconds or so for each of them; further
# arguments go to cargo-mutants, e.g. `ci/mutants.sh -f src/stop/node.rs`, or `--shard 0/8`.
#
# Needs cargo-mutants (`cargo install cargo-mutants --locked`) and cargo-nextest. The tests are those of ci/mutants/main.rs: the fast
# suites of the promises and the semantics, without what the profile `mutants` of .config/nextest.toml leaves out. The report is in
# mutants.out of the target directory. With `--in-place` the dependencies are not built again, but the sources are changed while
# it runs: for a checkout that nobody else uses.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo-mutants >/dev/null || { echo "ci/mutants.sh: cargo-mutants is missing" >&2; exit 1; }
files=(-f 'src/rt/*.rs' -f src/scope/face.rs -f src/stop/node.rs -f src/stop/mark.rs -f src/tree/state_lock.rs -f src/stop/listen.rs)
case " $* " in *' -f '*) files=() ;; esac
# `--test` is for the build as well: all suites would be built else. A mutant is built to be run once: debug information would take
# longer than the tests.
export NEXTEST_PROFILE=mutants CARGO_PROFILE_DEV_DEBUG=none
out=${CARGO_TARGET_DIR:-target}
code=0
rm -f "$out/mutants.out/missed.txt"
cargo mutants --test-tool nextest --timeout 90 --build-timeout 600 --no-shuffle \
    --output "$out" "${files[@]}" --cargo-arg=--test=mutants "$@" || code=$?
# 2: some survived; 3: some took longer than a test that hangs is let run. With all others there is no result.
case $code in 0 | 2 | 3) ;; *) exit "$code" ;; esac
[ -e "$out/mutants.out/missed.txt" ] || exit "$code"
if [ -s "$out/mutants.out/timeout.txt" ]; then
    printf 'ci/mutants.sh: took too long, and are not judged:\n%s\n' "$(<"$out/mutants.out/timeout.txt")" >&2
    exit 1
fi

# Survivors that nobody has judged. A line of source moves: a mutant is known by its file and what it changes.
known() { grep -v '^#' ci/mutants/survivors | grep . | sort; }
survived() { sed -E 's/:[0-9]+:[0-9]+:/:/' "$out/mutants.out/missed.txt" | sort; }
new=$(comm -13 <(known) <(survived))
if [ -n "$new" ]; then
    printf 'ci/mutants.sh: not in ci/mutants/survivors:\n%s\n' "$new" >&2
    exit 1
fi
