//! A folder of `src` uses only the folders below it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use super::{FACES, FOLDERS, SEAMS};
use crate::source::{Source, none, root, sources};

/// The modules of this crate that a file names, with the line (from 1).
fn used(source: &Source) -> BTreeSet<(String, usize)> {
    let mut found = BTreeSet::new();
    let code: Vec<_> = source.code().collect();
    for (place, line) in code.iter().enumerate() {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let names = if rest.starts_with('{') {
                let all = std::iter::once(rest).chain(code[place + 1..].iter().copied()).collect::<String>();
                first_names(&all)
            } else {
                vec![first_name(rest)]
            };
            found.extend(names.into_iter().map(|name| (name, place + 1)));
        }
    }
    found
}

fn first_name(path: &str) -> String {
    path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// `{a::b, c::{d, e}}`: `a` and `c`.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => {
                depth += 1;
                if depth == 1 {
                    start = at + 1;
                }
            }
            '}' | ',' if depth == 1 => {
                names.push(first_name(group[start..at].trim()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

fn height(folder: &str) -> Option<usize> {
    FOLDERS.iter().position(|row| row.contains(&folder))
}

#[test]
fn folders_use_only_what_is_below() {
    let (mut homeless, mut upward) = (BTreeSet::new(), Vec::new());
    for source in sources("src", ".rs") {
        let Some(folder) = source.module().filter(|folder| *folder != "lib") else { continue };
        let Some(own) = height(folder) else {
            homeless.insert(folder.to_owned());
            continue;
        };
        for (name, line) in used(&source) {
            if name != folder && height(&name).is_some_and(|other| other >= own) {
                upward.push(format!("{}:{line}: {folder} uses {name}", source.path));
            }
        }
    }
    none("folders and files without a place", homeless);
    none("uses of what is above or beside", upward);
    // `ci/structure.py` goes by that list, and so does a reader.
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules = text
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    let listed: Vec<_> = modules.filter(|name| height(name).is_some()).collect();
    assert_eq!(listed, FOLDERS.concat(), "the modules in src/lib.rs, and the folders from the ground up");
}

/// The modules of a path: `thread::handle` for `crate::thread::handle::Handle`. Empty for an item
/// at the crate's root.
fn modules_of(path: &str) -> String {
    let is_module = |name: &&str| name.chars().next().is_some_and(char::is_lowercase);
    let names: Vec<_> = path.split("::").take_while(is_module).map(first_name).collect();
    names.join("::")
}

/// The code of `work` uses the public face of the crate, and the few seams that are listed.
#[test]
fn work_uses_the_public_face_and_the_seams() {
    let (mut beyond, mut unused) = (Vec::new(), SEAMS.iter().collect::<BTreeSet<_>>());
    for source in sources("src/work", ".rs") {
        for (place, line) in source.code().enumerate() {
            for (at, _) in line.match_indices("crate::") {
                let path = &line[at + "crate::".len()..];
                let modules = modules_of(path);
                let is_own = first_name(path) == "work";
                // A group of paths hides the modules, and a function is named with its module.
                let seam =
                    SEAMS.iter().find(|seam| modules == **seam || modules.starts_with(&format!("{seam}::")));
                unused.retain(|other| Some(*other) != seam);
                let names = path.strip_prefix('{').and_then(|group| group.split_once('}'));
                let names = names.map_or(vec![path], |(names, _)| names.split(", ").collect());
                let is_item = |name: &&str| name.starts_with(char::is_uppercase);
                let is_public = modules.is_empty() && (!path.starts_with('{') || names.iter().all(is_item));
                if !(is_own || is_public || seam.is_some()) {
                    beyond.push(format!("{}:{}: {}", source.path, place + 1, line.trim()));
                }
            }
        }
    }
    none("uses of private items that are no seam", beyond);
    none("seams that are not used", unused.into_iter().map(|seam| (*seam).to_owned()));
}

#[test]
fn each_folder_says_which_file_to_read_first() {
    let tables = sources("src", "/mod.rs").into_iter();
    let silent = tables.filter(|source| {
        !source
            .text
            .lines()
            .any(|line| line.starts_with("//") && line.contains("Read `") && line.contains(" first"))
    });
    none("folders without `Read .. first`", silent.map(|source| source.path));
}

/// A method of a type that lives below is called without an import: where it stood above, no import
/// would show that the folder of its callers reaches up.
#[test]
fn methods_stand_in_the_folder_of_their_type() {
    let sources = sources("src", ".rs");
    let mut homes = BTreeMap::<&str, BTreeSet<&str>>::new();
    for source in &sources {
        let Some(folder) = source.module() else { continue };
        for name in source.code().filter_map(|line| named_by(line, &["struct ", "enum "])) {
            homes.entry(name).or_default().insert(folder);
        }
    }
    let mut astray = Vec::new();
    for source in &sources {
        let folder = source.module().unwrap_or_default();
        for (place, line) in source.code().enumerate() {
            let Some(name) = inherent_impl(line).filter(|name| !FACES.contains(name)) else { continue };
            if !homes.get(name).is_some_and(|folders| folders.contains(folder)) {
                astray.push(format!("{}:{}: {name}", source.path, place + 1));
            }
        }
    }
    none("methods outside of the folder of their type", astray);
}

/// `Node` for `pub(crate) struct Node {`.
fn named_by<'a>(line: &'a str, words: &[&str]) -> Option<&'a str> {
    let line = line.trim_start();
    let rest =
        line.strip_prefix("pub").map_or(line, |rest| rest.split_once(' ').map_or("", |(_, rest)| rest));
    let name = words.iter().find_map(|word| rest.strip_prefix(word))?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

/// `Handle` for `impl<T> Handle<'_, T> {`; `None` for the `impl` of a trait. Relies on rustfmt.
fn inherent_impl(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl")?;
    let rest = if rest.starts_with('<') { rest.split_once("> ")?.1 } else { rest.strip_prefix(' ')? };
    let is_of_trait = rest.contains(" for ");
    (!is_of_trait).then(|| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())?
}

/// The files of a folder that use each other in a circle are read together or not at all, so no
/// file joins one: `ci/structure.py` says which, and how many are one data structure.
#[test]
fn no_file_joins_a_circle() {
    let Ok(printed) = Command::new("python3").arg(root().join("ci/structure.py")).output() else {
        eprintln!("not looked at: python3 is missing");
        return;
    };
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stdout));
}
