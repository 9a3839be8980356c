//! Owns which files are looked at: all Rust files of a project, or the files that the command line
//! names.
//! Refuses to open them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use crate::finding::fault::{Fault, Faults};
use crate::source::project::{Project, whole};

/// A file to look at.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// The path for reports, from the project's root.
    pub(crate) path: String,
    /// The path to open.
    pub(crate) file: PathBuf,
}

/// The result of a walk.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// In the order of their paths.
    pub(crate) items: Vec<Item>,
    /// Folders that could not be read, and why.
    pub(crate) unread: Vec<(String, String)>,
}

/// All Rust files below the root.
pub(crate) fn all(project: &Project) -> Walked {
    let mut found = Found::default();
    below(project, &project.root, &mut found);
    found.walked()
}

/// The files that are named, and the Rust files in folders that are named. A hook may name files of
/// any kind: only Rust files count.
pub(crate) fn named(project: &Project, paths: &[PathBuf]) -> Result<Walked, Faults> {
    let (mut found, mut faults) = (Found::default(), Vec::new());
    for path in paths {
        match whole(path) {
            Ok(file) if file.is_dir() => below(project, &file, &mut found),
            Ok(file) if is_rust(&file) => {
                found.files.insert(project.name(&file), file);
            }
            Ok(_) => {}
            Err(error) => faults.push(Fault::io("check", path, &error)),
        }
    }
    if faults.is_empty() { Ok(found.walked()) } else { Err(faults) }
}

#[derive(Default)]
struct Found {
    files: BTreeMap<String, PathBuf>,
    unread: Vec<(String, String)>,
}

impl Found {
    fn walked(self) -> Walked {
        let items = self.files.into_iter().map(|(path, file)| Item { path, file }).collect();
        Walked { items, unread: self.unread }
    }
}

fn below(project: &Project, folder: &Path, found: &mut Found) {
    let in_repository = folder.ancestors().any(|folder| folder.join(".git").exists());
    let mut walk = WalkBuilder::new(folder);
    // Ignore rules are valid in a copy without `.git` too. Rules of folders above count only inside
    // of a repository: outside they belong to another project.
    walk.require_git(false).parents(in_repository);
    walk.filter_entry(|entry| {
        entry.depth() == 0 || !entry.file_type().is_some_and(|kind| kind.is_dir()) || !is_build(entry.path())
    });
    for entry in walk.build() {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) && is_rust(entry.path()) => {
                found.files.insert(project.name(entry.path()), entry.into_path());
            }
            Ok(_) => {}
            Err(error) => {
                let (path, reason) = reason(&error);
                found.unread.push((path.map_or(String::from("."), |path| project.name(path)), reason));
            }
        }
    }
}

fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "rs")
}

/// Whether a folder is cargo's `target`: it is beside a manifest, or marked as a cache. A module
/// may have that name.
fn is_build(folder: &Path) -> bool {
    let named = folder.file_name().is_some_and(|name| name == "target");
    named
        && (folder.join("CACHEDIR.TAG").is_file()
            || folder.parent().is_some_and(|above| fs::exists(above.join("Cargo.toml")).unwrap_or(false)))
}

fn reason(error: &ignore::Error) -> (Option<&Path>, String) {
    match error {
        ignore::Error::WithPath { path, err } => (Some(path), reason(err).1),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => reason(err),
        other => (None, other.to_string()),
    }
}
