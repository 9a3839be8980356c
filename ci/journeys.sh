#!/usr/bin/env bash
# What each journey of docs/JOURNEYS.md costs a reader: how many files, functions and calls it goes through, and how often it moves
# from one file to another. Prints a table, and where the calls are listed. A debug build in which each function says that it is
# entered; locks, maps, derived functions and closures are left out. A panic and a signal meet threads in different moments, so their rows
# differ from run to run.
#
#   ci/journeys.sh [CHECKOUT]     of another checkout, to compare
#
# Needs Linux, gcc, python3, addr2line. A minute.
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=$(realpath "${1:-.}")
out=$(realpath "${CARGO_TARGET_DIR:-target}")/journeys
rm -rf "$out/sources"
mkdir -p "$out/sources"
cp ci/journeys/* "$out/sources"
sed -i "s|path = \"../..\"|path = \"$checkout\"|" "$out/sources/Cargo.toml"
gcc -O1 -fPIC -c "$out/sources/calls.c" -o "$out/calls.o"

# A part of rustc that is not stable, asked for by name; with `--target`, build scripts are left as they are.
target=$(rustc -vV | sed -n 's/^host: //p')
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Z instrument-mcount -C link-arg=$out/calls.o" \
    cargo build --quiet --manifest-path "$out/sources/Cargo.toml" --target "$target" --target-dir "$out"
binary=$out/$target/debug/journeys

echo '| journey | threads | folders | files | functions | calls | moves between files | of them returns | moves between folders |'
echo '|---|---|---|---|---|---|---|---|---|'
for journey in spawn stop signal panic; do
    JOURNEY_TO=$out/$journey timeout 60 "$binary" "$journey" >"$out/$journey.log" 2>&1 || { cat "$out/$journey.log" >&2; exit 1; }
    python3 ci/journeys/count.py "$binary" "$checkout/src" "$out/$journey" "$journey"
done
echo "calls: $out/{spawn,stop,signal,panic}.txt"
