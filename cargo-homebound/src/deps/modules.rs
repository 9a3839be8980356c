//! Owns the files of a target: those to which `mod` and `include!` lead from its root file.
//! Refuses to know the reason for the walk over them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::attribute::{Macros, read_macros};
use super::gate::{Build, Gate};
use super::outline::{Module, Outline};

/// The limits of a walk: how often one file may be reached, under different conditions, and how
/// deep modules may be.
const OFTEN: usize = 4;
const DEEP: usize = 64;

/// All files of a package that may count, by language.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) rust: Vec<PathBuf>,
    pub(crate) native: Vec<PathBuf>,
}

/// One file that belongs to a target.
#[derive(Debug)]
pub(crate) struct File<'a> {
    pub(crate) path: &'a Path,
    /// The conditions under which the file is compiled: all of them together.
    pub(crate) gates: &'a [Gate],
    /// `None`: the file could not be read as tokens.
    pub(crate) outline: Option<&'a Outline>,
}

/// The result of a walk over a target.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub(crate) files: BTreeSet<PathBuf>,
    /// Targets of a `mod` or an `include!` that do not exist.
    pub(crate) missing: Vec<String>,
    pub(crate) generated: bool,
}

struct Open {
    path: PathBuf,
    /// The folder of its modules.
    folder: PathBuf,
    gates: Vec<Gate>,
    depth: usize,
}

/// Lists the files of a package. Left out: packages in folders below, tests, and builds.
pub(crate) fn list(root: &Path) -> io::Result<Listing> {
    let mut found = Listing::default();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if kind.is_dir() {
                let aside = ["target", "tests", "test", "benches", "examples", "node_modules"];
                let skip =
                    aside.contains(&&*name) || name.starts_with('.') || path.join("Cargo.toml").exists();
                if !skip {
                    folders.push(path);
                }
            } else if kind.is_file() {
                match path.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
                    "rs" => found.rust.push(path),
                    "c" | "cc" | "cpp" | "cxx" | "h" | "hh" | "hpp" | "inc" | "m" | "mm" => {
                        found.native.push(path);
                    }
                    _ => {}
                }
            }
        }
    }
    found.rust.sort();
    found.native.sort();
    Ok(found)
}

/// The macros of all files that put a `cfg` before items.
pub(crate) fn macros(files: &[PathBuf]) -> Macros {
    let mut macros = BTreeMap::new();
    for path in files {
        let Ok(text) = fs::read_to_string(path) else { continue };
        if text.contains("macro_rules!") && text.contains("cfg(") {
            read_macros(&text, &mut macros);
        }
    }
    macros
}

/// Visits the files of a target that are `wanted`, one at a time. A module that can be in no build
/// of this kind is not followed.
pub(crate) fn walk(
    root: &Path,
    macros: &Macros,
    build: &Build,
    wanted: &dyn Fn(&Path) -> bool,
    visit: &mut dyn FnMut(&File<'_>),
) -> Walked {
    let mut walked = Walked::default();
    let mut visits: BTreeMap<PathBuf, usize> = BTreeMap::new();
    let folder = root.parent().unwrap_or(root).to_owned();
    let mut open = vec![Open { path: root.to_owned(), folder, gates: Vec::new(), depth: 0 }];
    while let Some(next) = open.pop() {
        let visits = visits.entry(next.path.clone()).or_default();
        *visits += 1;
        if *visits > OFTEN || next.depth > DEEP {
            continue;
        }
        let Ok(bytes) = fs::read(&next.path) else {
            walked.missing.push(next.path.display().to_string());
            continue;
        };
        walked.files.insert(next.path.clone());
        let wanted = wanted(&next.path);
        if !wanted && !leads_on(&bytes) {
            continue;
        }
        let text = String::from_utf8_lossy(&bytes);
        // The modules of this file are not known, and so other files may not be reached.
        let outline = Outline::of(&text, macros);
        if outline.is_none() {
            walked.missing.push(format!("{} (what it declares)", next.path.display()));
        }
        if wanted {
            visit(&File { path: &next.path, gates: &next.gates, outline: outline.as_ref() });
        }
        let Some(outline) = outline else { continue };
        walked.generated |= outline.generated;
        let before = open.len();
        for module in &outline.modules {
            children(&next, module, build, &mut open, &mut walked.missing);
        }
        for (path, gates) in &outline.includes {
            let path = next.path.parent().unwrap_or(&next.path).join(path);
            if path.extension().is_some_and(|ending| ending == "rs") {
                let gates = joined(&next.gates, gates);
                // Modules of an included file are beside that file.
                let folder = path.parent().unwrap_or(&path).to_owned();
                open.push(Open { path, folder, gates, depth: next.depth + 1 });
            }
        }
        // In the order of the text.
        open[before..].reverse();
    }
    walked
}

/// Whether a file may declare modules in other files: a quick look at the bytes, since most files
/// do not.
fn leads_on(bytes: &[u8]) -> bool {
    let declares = |at: usize| {
        let rest = bytes[at + "mod ".len()..].trim_ascii_start();
        let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_#".contains(byte));
        rest[name.count()..].trim_ascii_start().starts_with(b";")
    };
    memchr::memmem::find_iter(bytes, "mod ").any(declares)
        || memchr::memmem::find(bytes, b"include!").is_some()
        || memchr::memmem::find(bytes, b"mod\n").is_some()
}

fn joined(outer: &[Gate], inner: &[Gate]) -> Vec<Gate> {
    outer.iter().chain(inner).cloned().collect()
}

fn children(parent: &Open, module: &Module, build: &Build, open: &mut Vec<Open>, missing: &mut Vec<String>) {
    let mut gates = joined(&parent.gates, &module.gates);
    let beside = parent.path.parent().unwrap_or(&parent.path);
    let mut push = |path: PathBuf, folder: PathBuf, gates: Vec<Gate>| {
        if !gates.iter().any(|gate| gate.holds(build) == Some(false)) {
            open.push(Open { path, folder, gates, depth: parent.depth + 1 });
        }
    };
    for (condition, path) in &module.paths {
        // A path is relative to the folder of the file. In an inline module it is relative to the
        // folder in which the inline module's files would be.
        let from = if module.inside.is_empty() { beside.to_owned() } else { inline(parent, &module.inside) };
        let path = from.join(path);
        let folder = path.parent().unwrap_or(&path).to_owned();
        let with = condition.clone().into_iter().collect::<Vec<_>>();
        push(path, folder, joined(&gates, &with));
        match condition {
            None => return,
            Some(condition) => gates.push(condition.clone().not()),
        }
    }
    let folder = inline(parent, &module.inside);
    let (file, nested) = (folder.join(format!("{}.rs", module.name)), folder.join(&module.name));
    if file.is_file() {
        push(file, nested, gates);
    } else if nested.join("mod.rs").is_file() {
        push(nested.join("mod.rs"), nested, gates);
    } else if module.paths.is_empty() && !gates.iter().any(|gate| gate.holds(build) == Some(false)) {
        missing.push(format!("mod {} of {}", module.name, parent.path.display()));
    }
}

fn inline(parent: &Open, inside: &[String]) -> PathBuf {
    inside.iter().fold(parent.folder.clone(), |folder, name| folder.join(name))
}
