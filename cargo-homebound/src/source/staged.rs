//! Owns the Rust files that git is about to commit, as staged, in a folder of their own.
//! Refuses to look at the working tree: a change there that is not staged is not in the commit.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::finding::fault::{Fault, Faults};
use crate::source::project::Project;
use crate::source::walk::{Item, Walked};

/// The staged files. The folder with their copies is deleted when the value is dropped.
#[derive(Debug)]
pub(crate) struct Staged {
    /// The paths that the files have in the working tree.
    pub(crate) names: Vec<PathBuf>,
    top: PathBuf,
    folder: PathBuf,
}

impl Staged {
    /// The files of one project.
    pub(crate) fn walked(&self, project: &Project) -> Walked {
        let of_project = self.names.iter().filter(|name| name.starts_with(&project.root));
        let item = |name: &PathBuf| {
            let file = self.folder.join(name.strip_prefix(&self.top).ok()?);
            let is_file = fs::symlink_metadata(&file).is_ok_and(|meta| meta.is_file());
            is_file.then(|| Item { path: project.name(name), file })
        };
        let mut items: Vec<_> = of_project.filter_map(item).collect();
        items.sort_by(|a, b| a.path.cmp(&b.path));
        Walked { items, unread: Vec::new() }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _stays_behind = fs::remove_dir_all(&self.folder);
    }
}

/// The staged files of the repository around the current folder. git tells a hook its repository by
/// environment variables, which are valid in that folder.
///
/// # Errors
///
/// There is no git or no repository, or git fails.
pub(crate) fn export() -> Result<Staged, Faults> {
    let top = PathBuf::from(line(&git(Path::new("."), &["rev-parse", "--show-toplevel"], b"")?));
    let folder = line(&git(&top, &["rev-parse", "--git-path", "homebound-staged"], b"")?);
    let folder = top.join(folder).with_extension(std::process::id().to_string());
    // Files that are deleted in the commit are left out. A file that is renamed counts as a new
    // one.
    let changed =
        ["diff", "--cached", "--name-only", "--diff-filter=ACMRT", "-z", "--no-renames", "--", "*.rs"];
    let names = git(&top, &changed, b"")?;
    let prefix = format!("--prefix={}/", folder.display());
    let mut staged = Staged { names: Vec::new(), top, folder };
    git(&staged.top, &["checkout-index", "-q", "-z", "--stdin", &prefix], &names)?;
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    staged.names = names.map(|name| staged.top.join(&*String::from_utf8_lossy(name))).collect();
    Ok(staged)
}

/// Runs git and returns its output. `input` is git's standard input.
pub(crate) fn git(folder: &Path, words: &[&str], input: &[u8]) -> Result<Vec<u8>, Fault> {
    match asked(folder, words, input) {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Fault::new(format!("`git {}` failed: {said}", words.join(" "))))
        }
        Err(error) => Err(Fault::new(format!("git cannot be run: {error}"))),
    }
}

/// The first line of an answer.
pub(crate) fn line(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).trim_end_matches(['\n', '\r']).to_owned()
}

fn asked(folder: &Path, words: &[&str], input: &[u8]) -> std::io::Result<Output> {
    let mut command = Command::new("git");
    command.current_dir(folder).args(words);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Writing all of it before reading is safe: the git commands that are used here read all
        // names before they print.
        let _it_says_why = stdin.write_all(input);
    }
    child.wait_with_output()
}
