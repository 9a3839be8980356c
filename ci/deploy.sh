#!/usr/bin/env bash
# Shows the files of docs/deploy to their platforms: the unit to systemd-analyze, the manifest to the schemas of three versions of
# Kubernetes. Each has to take the file, and to refuse the file with one word changed. A tool that is missing is a failure.
#
# Needs systemd-analyze (systemd), python3 with venv, and a network for `kubernetes-validate`, which brings the schemas.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}/deploy
mkdir -p "$target"
failed=0

# Says what came out. `wanted`: 0 if the file has to be taken, 1 if not.
judge() {
    local wanted=$1 what=$2 came
    shift 2
    if "$@" >"$target/log" 2>&1; then came=0; else came=1; fi
    if [ "$came" = "$wanted" ]; then
        printf 'as it must be: %s\n' "$what"
    else
        printf 'NOT SO: %s\n' "$what"
        cat "$target/log"
        failed=1
    fi
}

command -v systemd-analyze >/dev/null || { echo "ci/deploy.sh: systemd-analyze is missing: install systemd" >&2; exit 2; }
# It warns and exits with 0, and asks for a program that is there.
verified() { ! systemd-analyze verify "$1" 2>&1 | tee /dev/stderr | grep -q .; }
sed 's#^ExecStart=.*#ExecStart=/bin/true#' docs/deploy/hosted.service >"$target/hosted.service"
judge 0 'systemd takes the unit' verified "$target/hosted.service"
sed 's#^KillMode=#KillModes=#' "$target/hosted.service" >"$target/odd.service"
judge 1 'systemd refuses a unit with another word' verified "$target/odd.service"

if [ ! -x "$target/venv/bin/kubernetes-validate" ]; then
    python3 -m venv "$target/venv"
    "$target/venv/bin/pip" install --quiet kubernetes-validate
fi
for version in 1.28 1.32 1.37; do
    validate=("$target/venv/bin/kubernetes-validate" --strict -k "$version")
    judge 0 "Kubernetes $version takes the manifest" "${validate[@]}" docs/deploy/hosted.yaml
    sed 's#terminationGracePeriodSeconds#terminationGraceSeconds#' docs/deploy/hosted.yaml >"$target/odd.yaml"
    judge 1 "Kubernetes $version refuses a manifest with another word" "${validate[@]}" "$target/odd.yaml"
done
exit "$failed"
