#!/usr/bin/env bash
# The hooks of .pre-commit-hooks.yaml with the real pre-commit, in a project made for it, from a clean clone of what is committed
# here: each hook fails on a bad file and passes on a good one; the rule that it is named for counts, and no other; the second run
# needs neither cargo nor a network; `git commit` runs them. Prints a table; the exit code tells.
#
# Needs git, cargo, and python3 with venv; fetches pre-commit unless PRE_COMMIT names one. Builds the guard: a minute or more.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PRE_COMMIT_HOME=$work/cache GIT_CONFIG_GLOBAL=$work/gitconfig GIT_CONFIG_NOSYSTEM=1
git config --global user.name a
git config --global user.email a@example.org
git config --global init.defaultBranch main
unset GIT_DIR GIT_INDEX_FILE CARGO_TARGET_DIR

pre_commit=${PRE_COMMIT:-}
if [ -z "$pre_commit" ]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet pre-commit
    pre_commit=$work/venv/bin/pre-commit
fi
"$pre_commit" --version

git clone --quiet --no-hardlinks "$here" "$work/guard"
commit=$(git -C "$work/guard" rev-parse HEAD)
mkdir "$work/project"
cd "$work/project"
git init --quiet
cat >.pre-commit-config.yaml <<END
repos:
  - repo: $work/guard
    rev: $commit
    hooks:
      - id: no-daemon-threads
      - id: require-thread-registry
      - id: homebound-check
END
cat >good.rs <<'END'
pub fn add(a: u32, b: u32) -> u32 {
    a + b
}
END
cat >raw.rs <<'END'
pub fn start() -> std::thread::JoinHandle<()> {
    std::thread::spawn(|| ())
}
END
cat >detached.rs <<'END'
pub fn start() {
    std::thread::spawn(|| ());
}
END
git add -A

failed=0
# name, expected exit code, then the command
expect() {
    local name=$1 wanted=$2 got=0
    shift 2
    "$@" >"$work/log" 2>&1 || got=$?
    if [ "$got" -eq "$wanted" ]; then
        printf 'ok    %s\n' "$name"
    else
        printf 'WRONG %s: exit code %s, not %s\n' "$name" "$got" "$wanted"
        sed 's/^/      /' "$work/log"
        failed=1
    fi
}
# The log of the last command, by what it must say, or with `!` must not.
says() {
    if [ "$1" = '!' ]; then
        ! grep -q -- "$2" "$work/log" || { printf 'WRONG it says %s\n' "$2"; failed=1; }
    else
        grep -q -- "$1" "$work/log" || { printf 'WRONG it does not say %s\n' "$1"; sed 's/^/      /' "$work/log"; failed=1; }
    fi
}

for hook in no-daemon-threads require-thread-registry homebound-check; do
    expect "$hook passes on a good file" 0 "$pre_commit" run "$hook" --files good.rs
done
for hook in no-daemon-threads require-thread-registry; do
    expect "$hook fails on a detached thread" 1 "$pre_commit" run "$hook" --files detached.rs
done
expect "homebound-check leaves it to them" 0 "$pre_commit" run homebound-check --files detached.rs
expect "all together fail on it" 1 "$pre_commit" run --files detached.rs
for rule in raw-thread detached-thread; do
    told=$(grep -c "error\[$rule\]" "$work/log" || true)
    [ "$told" = 1 ] || { printf 'WRONG %s is said %s times\n' "$rule" "$told"; failed=1; }
done
expect "no-daemon-threads passes on a thread that is raw alone" 0 "$pre_commit" run no-daemon-threads --files raw.rs
expect "require-thread-registry fails on it" 1 "$pre_commit" run require-thread-registry --files raw.rs
says raw-thread
says '!' detached-thread
expect "no-daemon-threads names its rule alone" 1 "$pre_commit" run no-daemon-threads --files detached.rs
says detached-thread
says '!' raw-thread
expect "homebound-check names both where the others are skipped" 1 \
    env SKIP=no-daemon-threads,require-thread-registry "$pre_commit" run homebound-check --files detached.rs
says detached-thread
says raw-thread

# Without cargo and without a network: nothing is built or fetched again.
mkdir "$work/few"
for tool in git sh bash env dirname basename; do
    ln -s "$(command -v $tool)" "$work/few/$tool"
done
offline=(env "PATH=$work/few")
without=cargo
if unshare -rn true 2>/dev/null; then
    offline=(unshare -rn "${offline[@]}")
    without='cargo and a network'
fi
expect "all hooks pass without $without" 0 "${offline[@]}" "$pre_commit" run --files good.rs
expect "and still fail" 1 "${offline[@]}" "$pre_commit" run --files detached.rs

"$pre_commit" install >/dev/null
expect "git commit is refused" 1 git commit -qm first
git rm -q --cached raw.rs detached.rs
rm raw.rs detached.rs
expect "git commit of good files is not" 0 git commit -qm first
printf 'exempt = [3]\n' >homebound.toml
git add homebound.toml
expect "a broken configuration is refused" 1 git commit -qm second

exit "$failed"
