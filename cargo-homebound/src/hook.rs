//! Owns git's own hook: a script that checks what is staged, where git looks for it.
//! Refuses to overwrite what somebody else wrote, unless told to.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fault::{Fault, Faults};
use crate::staged::{git, line};

const MARK: &str = "# Written by `cargo homebound install-hook`.";

/// Writes the hook of the repository that the current folder is in.
///
/// # Errors
///
/// No repository, a hook of somebody else's, or what the system says.
pub(crate) fn install(force: bool) -> Result<String, Faults> {
    let here = Path::new(".");
    // As git sees it: `core.hooksPath` and worktrees have their folders elsewhere.
    let folder = PathBuf::from(line(&git(here, &["rev-parse", "--git-path", "hooks"], b"")?));
    let file = folder.join("pre-commit");
    let program =
        std::env::current_exe().map_err(|error| Fault::new(format!("this program has no path: {error}")))?;
    let text = script(&program);
    match fs::read(&file) {
        Ok(there) if !force && !String::from_utf8_lossy(&there).contains(MARK) => {
            let what = format!("`{}` is there already, and not ours", file.display());
            let help = "add `cargo-homebound check --staged || exit 1` to it, or overwrite it with --force";
            return Err(Fault::new(what).help(help).into());
        }
        _ => {}
    }
    let written =
        fs::create_dir_all(&folder).and_then(|()| fs::write(&file, text)).and_then(|()| allow(&file));
    written.map_err(|error| Fault::io("write", &file, &error))?;
    Ok(format!(
        "{} now runs `cargo homebound check --staged` before each commit.\nIt is yours alone: git does not hand on hooks. For all, use pre-commit or CI.\n",
        file.display()
    ))
}

fn script(program: &Path) -> String {
    let quoted = program.to_string_lossy().replace('\'', r"'\''");
    format!(
        "#!/bin/sh
{MARK}
# Checks the Rust files that are staged, as staged. To commit without: git commit --no-verify
for guard in '{quoted}' cargo-homebound; do
    if command -v \"$guard\" >/dev/null 2>&1; then
        exec \"$guard\" check --staged
    fi
done
echo 'pre-commit: cargo-homebound is not there; install it, or take this hook out' >&2
exit 1
"
    )
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
