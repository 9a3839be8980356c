#!/usr/bin/env bash
# Runs the models of homebound-models, which must pass: in loom, every order of steps within a bound; in shuttle, orders by chance and
# by PCT. Then plants each bug of ci/planted and runs the models that must find it. Prints a table; exits with 0 if all is so.
#
#   ci/models.sh [part of a model's name]
#   ci/models.sh --quick        what takes seconds each, in loom alone; one planted bug of each part
#
# A planted bug is a patch, applied to a copy of the sources: the checkout stays as it is. The text above the patch says what the bug
# is, and `Found by:` names a checker and a model that must fail. A patch that does not apply is a failure, also with `--quick`.
#
# Needs patch. LOOM_MAX_PREEMPTIONS, LOOM_MAX_DURATION (seconds) and HOMEBOUND_MODEL_RUNS change how much is tried.
set -uo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
checkers='loom shuttle'
# What of the models' names is asked for, and which planted bugs, as patterns.
wanted=${1:-}
bugs=.
if [ "$wanted" = --quick ]; then
    # The last ones out against the exit of a scope are left to the full run: minutes. What is here tries all orders with fewer
    # threads that are made to wait, so that it is over in seconds.
    checkers=loom
    wanted='(latch_ends|latch_wakes|packet_|ready_|stop|close_|shield_|deadline_|books_|cache_launch_|exit_against_stop)'
    bugs="latch-without-fence|packet-drops-under-lock|listener-looks-before-lock stop_against_attach|books-without-fence|cache-welcomes-while-closing cache_launch_"
    export LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-2}
fi
export SHUTTLE_SILENCE_WARNINGS=1
command -v patch >/dev/null || { echo "ci/models.sh: patch is missing" >&2; exit 1; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
wrong=0

# What is built. New files in each run, so that cargo takes no build with a bug for one of these sources.
copy=$target/models
rm -rf "$copy"
mkdir -p "$copy"
cp -R src homebound-models homebound-tokio "$copy"
# With the checker's lock, so that another thread may take steps before the lock is taken.
sed -i 's/^use parking_lot::Mutex;/use homebound::sync::Mutex;/' "$copy/homebound-tokio/src/joined.rs"

# Plants a bug into the copy. With no fuzz: a patch that applies to lines which it does not know may plant something else.
plant() {
    local bug=$1 && shift
    patch --directory="$copy" --strip=1 --fuzz=0 --force --silent --backup --suffix=.clean --reject-file=- "$@" \
        <"ci/planted/$bug.patch" >"$log" 2>&1
}

# Takes it out again. By copies, since cargo would take a file that is older than its last build for one that it has built.
uproot() { find "$copy" -name '*.clean' | while read -r clean; do cp "$clean" "${clean%.clean}" && rm "$clean"; done; }

for patch in ci/planted/*.patch; do
    bug=$(basename "$patch" .patch)
    plant "$bug" --dry-run || { cat "$log"; echo "ci/models.sh: $patch does not apply: the lines it changes have changed" >&2; wrong=1; }
done
[ "$wrong" = 0 ] || exit 1

# Each checker has a build of its own, since it changes what the whole crate is made of. As a library that is linked, with rustc told
# to make a program of its tests: `cargo test` would build all that the suites need first, optimised. The dependencies are built once,
# the crate again for each bug. That is built as fast as can be: a model that fails does so early.
of_crate=profile.models.package.homebound-models
planted_build=(--config $of_crate.opt-level=0 --config $of_crate.debug=false)
build() {
    local checker=$1 && shift
    RUSTFLAGS="--cfg homebound_$checker" cargo rustc --manifest-path "$copy/homebound-models/Cargo.toml" --profile models --lib \
        --crate-type cdylib --target-dir "$target/$checker" "$@" -- --test --remap-path-prefix "$(realpath "$copy")=." >"$log" 2>&1
}

run() { timeout "${LIMIT:-900}" "$1" --exact "$2" --nocapture >"$log" 2>&1; }

tried=0
printf '%-8s %-48s %10s %8s  %s\n' checker model orders seconds which
for checker in $checkers; do
    binary=$target/$checker/models/deps/homebound
    build "$checker" || { cat "$log"; echo "ci/models.sh: the models do not build in $checker" >&2; exit 1; }
    for test in $("$binary" --list 2>/dev/null | sed -n 's/: test$//p' | grep -E "^models::.*$wanted"); do
        if run "$binary" "$test"; then
            tried=$((tried + 1))
            read -r _ name orders seconds which < <(grep '^model ' "$log")
            printf '%-8s %-48s %10s %8s  %s\n' "$checker" "$name" "$orders" "$seconds" "$which"
        else
            printf '%-8s %-48s FAILED\n' "$checker" "${test##*::}"
            tail -n 40 "$log"
            wrong=1
        fi
    done
done

[ "$tried" != 0 ] || [ "$wrong" = 1 ] || { echo "ci/models.sh: no model has '$wanted' in its name" >&2; exit 2; }

# Rows of a checker, a bug, and a model that finds it; those of a bug follow each other.
found_by() { awk '/^Found by: / { gsub(".*/|[.]patch$", "", FILENAME); print $3, FILENAME, $4 }' ci/planted/*.patch; }

printf '\n%-8s %-34s %-48s %8s\n' checker 'planted bug' 'found by' seconds
for checker in $checkers; do
    binary=$target/$checker/models/deps/homebound
    planted=
    while read -r _ bug model; do
        [[ $model =~ $wanted ]] || continue
        if [ "$bug" != "$planted" ]; then
            uproot
            planted=$bug
            plant "$bug" && build "$checker" "${planted_build[@]}" || { cat "$log"; echo "ci/models.sh: no build with $bug in $checker" >&2; exit 1; }
        fi
        test=$("$binary" --list 2>/dev/null | sed -n "s/^\(models::.*::$model\): test$/\1/p")
        [ -n "$test" ] || { echo "no model $model"; wrong=1; continue; }
        start=$(date +%s%N)
        # The shell tells of each that aborts, as shuttle does when it finds a deadlock.
        if run "$binary" "$test" 2>/dev/null; then
            printf '%-8s %-34s NOT FOUND by %s\n' "$checker" "$bug" "$model"
            wrong=1
        else
            spent=$((($(date +%s%N) - start) / 10000000))
            printf '%-8s %-34s %-48s %5d.%02d\n' "$checker" "$bug" "$model" $((spent / 100)) $((spent % 100))
        fi
    done < <(found_by | grep "^$checker " | grep -E -- "$bugs")
    uproot
done
exit $wrong
