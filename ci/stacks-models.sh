#!/usr/bin/env bash
# Runs the models of the slot protocol of homebound-stacks in loom: every order of steps. Then plants each bug of
# homebound-stacks/models/planted in a copy, where the models must fail that its `Found by:` names. Exits with 0 if all is so.
#
# Needs patch. LOOM_MAX_PREEMPTIONS changes how much is tried (default: 3).
set -uo pipefail
cd "$(dirname "$0")/.."
export LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-3} RUSTFLAGS="--cfg loom"
target=$(realpath "${CARGO_TARGET_DIR:-target}")/stacks-models
copy=$target/copy
log=$(mktemp)
trap 'rm -f "$log"' EXIT

models() {
    cargo test --quiet --manifest-path "$copy/models/Cargo.toml" --target-dir "$target" >"$log" 2>&1
}

fresh() {
    rm -rf "$copy" && mkdir -p "$copy" && cp -R homebound-stacks/src homebound-stacks/models "$copy"
}

fresh
models || { cat "$log"; echo "ci/stacks-models.sh: a model failed" >&2; exit 1; }
grep '^test result' "$log" | head -n 1
for bug in homebound-stacks/models/planted/*.patch; do
    fresh
    patch --directory="$copy" --strip=2 --fuzz=0 --force --silent <"$bug" || { echo "ci/stacks-models.sh: $bug does not apply" >&2; exit 1; }
    if models; then
        echo "ci/stacks-models.sh: no model found $bug" >&2
        exit 1
    fi
    grep -q '^error\[' "$log" && { cat "$log"; echo "ci/stacks-models.sh: no build with $bug" >&2; exit 1; }
    for model in $(sed -n 's/^Found by: loom //p' "$bug"); do
        # A model that fails may end the program, because loom panics again while it cleans up.
        grep -qE "^    $model\$|^thread '$model' .*panicked" "$log" || { tail -n 20 "$log"; echo "ci/stacks-models.sh: $model did not find $bug" >&2; exit 1; }
        echo "found: $(basename "$bug" .patch) by $model"
    done
done
