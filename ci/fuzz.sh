#!/usr/bin/env bash
# Fuzzes with libFuzzer for so many seconds (default: 3600): bytes that reach new code are kept in ci/fuzz/corpus, bytes that
# break a promise in ci/fuzz/found. Works on stable: coverage comes from LLVM's own pass. Needs a C++ compiler.
#
#   ci/fuzz.sh [SECONDS] [trees|stacks]      trees: random trees of scopes and threads; stacks: damaged stacks and unwind tables
#   ci/fuzz.sh FILE [trees|stacks]           found bytes again
set -euo pipefail
cd "$(dirname "$0")/fuzz"

what=${1:-3600}
name=${2:-trees}
case $name in
    trees) corpus=corpus longest=512 ;;
    stacks) corpus=corpus.stacks longest=4096 ;;
    *) echo "ci/fuzz.sh: no target $name" >&2; exit 2 ;;
esac
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions=on --cfg fuzzing"
# A target triple keeps the flags away from build scripts.
target=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --target "$target" --bin "$name"
binary=${CARGO_TARGET_DIR:-target}/$target/release/$name

if [ -f "$what" ]; then
    exec "$binary" "$what"
fi
mkdir -p "$corpus" found
# 60 s for one input: a tree has at most some seconds of its own waits, and a limit that names who is away.
exec "$binary" -max_total_time="$what" -timeout=60 -max_len=$longest -artifact_prefix=found/ -print_final_stats=1 "$corpus"
