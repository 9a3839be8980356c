#!/bin/sh
# The guard for pre-commit. The first call builds the guard into this copy of the repository, which needs cargo and a network; every
# call runs it. A second call during the build waits if `flock` exists, and otherwise builds a guard of its own. Either way the program
# appears whole, by a rename.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
built=$here/.guard
# Another commit of this copy is another program.
commit=$(git -C "$here" rev-parse --verify -q HEAD 2>/dev/null || echo unknown)
program=$built/cargo-homebound-$commit

if [ ! -x "$program" ]; then
    mkdir -p "$built"
    exec 9>"$built/lock"
    if command -v flock >/dev/null 2>&1; then flock 9; fi
    if [ ! -x "$program" ]; then
        command -v cargo >/dev/null 2>&1 || { echo "hook.sh: cargo is missing, and the guard is not built yet" >&2; exit 2; }
        work=$(mktemp -d "$built/build.XXXXXX")
        trap 'rm -rf "$work"' EXIT
        echo "hook.sh: building the guard, once" >&2
        # From here, so that the settings of the project that is checked do not reach the build.
        (cd "$here" && CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_DEBUG=0 cargo install --quiet --locked \
            --path cargo-homebound --root "$work" --target-dir "$work/target" --no-track) >&2 ||
            { echo "hook.sh: the guard could not be built" >&2; exit 2; }
        mv "$work/bin/cargo-homebound" "$program"
        rm -rf "$work"
        trap - EXIT
    fi
    exec 9>&-
fi
exec "$program" "$@"
