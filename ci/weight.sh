#!/usr/bin/env bash
# What a program pays for the library in bytes: a hello with a scope, and one with `run`, stripped, beside a hello with std's threads.
# Fails if one weighs more than `ci/weight.limits` allows. `--print` only shows. A minute to build, then seconds.
# Limits hold for x86_64, and for the toolchain with which they were taken; raise them with a reason.
set -euo pipefail
cd "$(dirname "$0")/.."

only_print=${1:-}
out=$(realpath "${CARGO_TARGET_DIR:-target}")/weight
rm -rf "$out/sources"
mkdir -p "$out/sources"
# With the lock file of the project, so that the dependencies are those that its other checks see.
cp -R Cargo.lock ci/weight/* "$out/sources"
sed -i "s|path = \"../..\"|path = \"$PWD\"|" "$out/sources/Cargo.toml"

build() {
    cargo build --quiet --release --manifest-path "$out/sources/Cargo.toml" --target-dir "$out/$1" "${@:2}"
}
build plain
build stacks --features stacks
size() { stat -c %s "$out/$1/release/$2"; }

failed=0
std=$(size plain std)
printf '%-14s %10s %10s %10s\n' program bytes 'over std' limit
while read -r build program limit; do
    case $build in '' | '#'*) continue ;; esac
    bytes=$(size "$build" "$program")
    kib=$(((bytes - std + 1023) / 1024))
    verdict=
    if [ "$kib" -gt "$limit" ]; then
        verdict=TOO-HEAVY
        failed=1
    fi
    printf '%-14s %10d %6d KiB %6d KiB %s\n' "$build/$program" "$bytes" "$kib" "$limit" "$verdict"
done <ci/weight.limits

[ "$only_print" = --print ] || exit "$failed"
