//! Owns git's own hook: a script that checks the staged files, in the folder where git looks for
//! hooks.
//! Refuses to overwrite another hook, unless told to.

use std::fs;
use std::path::{Path, PathBuf};

use crate::finding::fault::{Fault, Faults};
use crate::source::staged::{git, line};

/// After this mark stands a hash of the script, by which a changed script is recognised.
const MARK: &str = "# Written by `cargo homebound install-hook`: ";

/// Writes the hook of the repository around the current folder.
///
/// # Errors
///
/// There is no repository, the hook is another program's, or the system refuses.
pub(crate) fn install(force: bool) -> Result<String, Faults> {
    let here = Path::new(".");
    // git knows the folder: `core.hooksPath` and worktrees put it elsewhere.
    let folder = PathBuf::from(line(&git(here, &["rev-parse", "--git-path", "hooks"], b"")?));
    let file = folder.join("pre-commit");
    let program =
        std::env::current_exe().map_err(|error| Fault::new(format!("this program has no path: {error}")))?;
    let text = script(&program);
    let before = match fs::read(&file) {
        Ok(there) if there == text.as_bytes() => return Ok(format!("{} is there already\n", file.display())),
        Ok(there) if !force => replaced(&file, &String::from_utf8_lossy(&there))?,
        Ok(_) => "replaces what was there",
        Err(_) => "",
    };
    let written =
        fs::create_dir_all(&folder).and_then(|()| fs::write(&file, text)).and_then(|()| allow(&file));
    written.map_err(|error| Fault::io("write", &file, &error))?;
    let before = if before.is_empty() { String::new() } else { format!("; it {before}") };
    Ok(format!(
        "{} now runs `cargo homebound check --staged` before each commit{before}.\nIt is yours alone: git does not hand on hooks. For all, use pre-commit or CI.\n",
        file.display()
    ))
}

/// A description of the guard's own hook that is replaced. A hook that differs from what the guard
/// wrote is a person's work, and an error.
fn replaced(file: &Path, there: &str) -> Result<&'static str, Faults> {
    let ours = there.lines().find_map(|line| line.strip_prefix(MARK));
    if ours.is_some_and(|hash| hash == fingerprint(there)) {
        return Ok("replaces a hook that was written for another program or by another version");
    }
    let whose = if there.contains(MARK.trim_end_matches([':', ' '])) {
        "changed since we wrote it"
    } else {
        "not ours"
    };
    let what = format!("`{}` is there already, and {whose}", file.display());
    let help = "add `cargo-homebound check --staged || exit 1` to it, or overwrite it with --force";
    Err(Fault::new(what).help(help).into())
}

/// FNV-1a of all lines but the line with the hash.
fn fingerprint(script: &str) -> String {
    let rest = script.lines().filter(|line| !line.starts_with(MARK));
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = rest.fold(0xcbf2_9ce4_8422_2325, |hash, line| line.bytes().chain([b'\n']).fold(hash, fnv));
    format!("{hash:016x}")
}

fn script(program: &Path) -> String {
    let quoted = program.to_string_lossy().replace('\'', r"'\''");
    let rest = format!(
        "# Checks the Rust files that are staged, as staged. To commit without: git commit --no-verify
for guard in '{quoted}' cargo-homebound; do
    if command -v \"$guard\" >/dev/null 2>&1; then
        exec \"$guard\" check --staged
    fi
done
echo 'pre-commit: cargo-homebound is not there; install it, or take this hook out' >&2
exit 1
"
    );
    let whole = format!("#!/bin/sh\n{rest}");
    format!("#!/bin/sh\n{MARK}{}\n{rest}", fingerprint(&whole))
}

#[cfg(unix)]
fn allow(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn allow(_file: &Path) -> std::io::Result<()> {
    Ok(())
}
