//! The folders of the guard, and the direction of its imports: down, never up, and never in a
//! circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, from the bottom to the top. Rooms of one row do not know each other.
const ROWS: [&[&str]; 6] = [
    &["finding"],
    &["source"],
    &["config", "print", "deep", "graces", "platform", "check"],
    &["deps"],
    &["command"],
    // The crate's root files.
    &["lib.rs", "main.rs"],
];

/// The rooms of `check`, likewise. Its own files put the rooms together.
const ROWS_OF_CHECK: [&[&str]; 5] =
    [&["resolve"], &["state"], &["rules"], &["visit"], &["mod.rs", "one_file.rs", "files.rs", "quick.rs"]];

/// The one type whose methods stand in another folder than the type, and that folder: the walk over
/// the syntax is made of methods of its own state.
const METHODS_ELSEWHERE: (&str, &str) = ("Walk", "check/visit/");

struct File {
    /// From `src`, with `/`.
    path: String,
    /// Without comments, text literals and unit tests.
    code: String,
}

impl File {
    /// `["check", "state", "frame"]`; a `mod.rs` is its folder.
    fn module(&self) -> Vec<&str> {
        let mut parts: Vec<_> = self.path.trim_end_matches(".rs").split('/').collect();
        if ["mod", "lib"].contains(parts.last().unwrap()) {
            parts.pop();
        }
        parts
    }
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let inside = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push(File { path: inside, code: code(&text) });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]").next().unwrap();
    let mut code = String::new();
    for line in before_tests.lines() {
        // Between quotes stand names of other people's modules.
        let pieces = line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
        code.push_str(pieces.split("//").next().unwrap());
        code.push('\n');
    }
    code
}

/// The files of this crate that a file names by a path, with `mod NAME;` not counted.
fn uses(file: &File, modules: &BTreeMap<Vec<&str>, &str>) -> BTreeSet<String> {
    let me = file.module();
    let mut found = BTreeSet::new();
    let mut note = |path: &[&str]| {
        let whole = (1..=path.len()).rev().find_map(|length| modules.get(&path[..length]));
        found.extend(whole.filter(|other| **other != file.path).map(|other| (*other).to_owned()));
    };
    for (root, base) in
        [("crate::", &[][..]), ("super::", &me[..me.len().saturating_sub(1)]), ("self::", &me[..])]
    {
        for (at, _) in file.code.match_indices(root) {
            let is_part = file.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if is_part {
                continue;
            }
            for rest in paths(&file.code[at + root.len()..]) {
                note(&[base, &rest[..]].concat());
            }
        }
    }
    // `check::run(..)`, where `check` is a child that this file declares.
    for line in file.code.lines() {
        let Some((_, child)) = line.trim_end_matches(';').split_once("mod ") else { continue };
        let is_used = file
            .code
            .match_indices(&format!("{child}::"))
            .any(|(at, _)| !file.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
        if is_used && line.ends_with(';') {
            note(&[&me[..], &[child][..]].concat());
        }
    }
    found
}

/// `a::b::{c, d::E}` as `a::b::c` and `a::b::d::E`.
fn paths(text: &str) -> Vec<Vec<&str>> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let (mut before, mut rest) = (Vec::new(), text);
    loop {
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        if end > 0 {
            before.push(&rest[..end]);
        }
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(more) => rest = more,
            None => break,
        }
    }
    let Some(group) = rest.strip_prefix('{').and_then(|rest| rest.split('}').next()) else {
        return vec![before];
    };
    let inner = group.split(',').map(str::trim).filter(|inner| !inner.is_empty());
    inner.map(|inner| [&before[..], &inner.split("::").collect::<Vec<_>>()[..]].concat()).collect()
}

fn graph(files: &[File]) -> BTreeMap<&str, BTreeSet<String>> {
    let modules = files.iter().map(|file| (file.module(), &*file.path)).collect();
    files.iter().map(|file| (&*file.path, uses(file, &modules))).collect()
}

/// The room of a file, below `folder`; `None` if it is elsewhere.
fn room<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    path.strip_prefix(folder)?.split('/').next()
}

/// Arrows that lead to a room of the same row or of one above.
fn upward(graph: &BTreeMap<&str, BTreeSet<String>>, folder: &str, rows: &[&[&str]]) -> Vec<String> {
    let row = |room: &str| rows.iter().position(|row| row.contains(&room));
    let top = rows.len() - 1;
    let mut wrong = Vec::new();
    for (file, others) in graph {
        let Some(from) = room(file, folder) else { continue };
        if row(from).is_none() {
            wrong.push(format!("{file}: no row has `{from}`"));
        }
        for to in others.iter().filter_map(|other| room(other, folder)).filter(|to| *to != from) {
            if row(to) >= row(from) && row(from) != Some(top) {
                wrong.push(format!("{file}: `{from}` uses `{to}`"));
            }
        }
    }
    wrong
}

#[test]
fn rooms_use_only_what_is_below() {
    let files = files();
    let graph = graph(&files);
    let mut wrong = upward(&graph, "", &ROWS);
    wrong.extend(upward(&graph, "check/", &ROWS_OF_CHECK));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let files = files();
    let graph = graph(&files);
    // In no circle: a file that uses none of the files left, and a file that none of them uses.
    let mut left: BTreeSet<&str> = graph.keys().copied().collect();
    loop {
        let uses = |file: &str, other: &str| graph[file].contains(other);
        let is_end = |file: &&&str| {
            !left.iter().any(|other| uses(file, other)) || !left.iter().any(|other| uses(other, file))
        };
        let ends: Vec<&str> = left.iter().filter(is_end).copied().collect();
        if ends.is_empty() {
            break;
        }
        left.retain(|file| !ends.contains(file));
    }
    assert!(left.is_empty(), "in a circle: {left:?}");
}

/// Where a type is, by its name.
fn types(files: &[File]) -> BTreeMap<String, Vec<&str>> {
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for file in files {
        for line in file.code.lines() {
            let words: Vec<_> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            let kind = words.iter().position(|word| ["struct", "enum"].contains(word));
            let name = kind.and_then(|at| words.get(at + 1));
            if let Some(name) = name.filter(|_| !line.starts_with(' ')) {
                found.entry((*name).to_owned()).or_default().push(&file.path);
            }
        }
    }
    found
}

/// The type and the lines of each `impl Type {` of a file.
fn own_impls(file: &File) -> Vec<(String, Vec<&str>)> {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    let mut is_inside = false;
    for line in file.code.lines() {
        if line.starts_with("impl") && !line.contains(" for ") {
            let name = line.trim_start_matches("impl").trim_end_matches(['{', ' ', '}']);
            // `impl<'w> Scan<'w>`
            let name = if name.starts_with('<') { name.split("> ").nth(1).unwrap_or(name) } else { name };
            found.push((name.trim().split('<').next().unwrap().to_owned(), Vec::new()));
            is_inside = line.ends_with('{');
        } else if line == "}" {
            is_inside = false;
        } else if is_inside {
            found.last_mut().unwrap().1.push(line);
        }
    }
    found
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// An import shows that a folder uses another one; a call of a method does not.
#[test]
fn methods_stand_in_the_folder_of_their_type_but_for_those_of_the_walk() {
    let files = files();
    let types = types(&files);
    let (walk, visit) = METHODS_ELSEWHERE;
    let (mut strays, mut of_visit) = (Vec::new(), BTreeSet::new());
    for file in &files {
        for (name, lines) in own_impls(file) {
            if name == walk && file.path.starts_with(visit) {
                let fns = lines.iter().filter_map(|line| line.split_once("fn ").map(|(_, rest)| rest));
                of_visit.extend(fns.filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
            } else if !types
                .get(&name)
                .is_some_and(|all| all.iter().any(|one| folder(one) == folder(&file.path)))
            {
                strays.push(format!("{}: impl {name}", file.path));
            }
        }
    }
    assert!(of_visit.contains("expr") && of_visit.contains("block"), "{of_visit:?}");
    assert!(strays.is_empty(), "methods of a type of another folder:\n{}", strays.join("\n"));
    let below = files.iter().filter(|file| {
        ["check/resolve/", "check/state/", "check/rules/"].iter().any(|room| file.path.starts_with(room))
    });
    let mut upward = Vec::new();
    for file in below {
        let in_impl = own_impls(file).into_iter().filter(|(name, _)| name == walk);
        let by_self: String = in_impl.flat_map(|(_, lines)| lines).collect::<Vec<_>>().join("\n");
        for name in &of_visit {
            let on_walk = file.code.contains(&format!("walk.{name}("));
            if on_walk || by_self.contains(&format!("self.{name}(")) {
                upward.push(format!("{}: `{name}`, of {visit}", file.path));
            }
        }
    }
    assert!(upward.is_empty(), "calls of what is above:\n{}", upward.join("\n"));
}

/// Each folder says what lives there, and where to begin.
#[test]
fn each_folder_says_what_lives_there_and_what_to_read_first() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut silent = Vec::new();
    for file in files().iter().filter(|file| file.path.ends_with("/mod.rs")) {
        let text = fs::read_to_string(root.join(&file.path)).unwrap();
        let header: Vec<_> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        if !header
            .iter()
            .any(|line| line.starts_with("//! Read `") || line.starts_with("//! Read this file first"))
        {
            silent.push(file.path.clone());
        }
    }
    assert!(silent.is_empty(), "no word of what to read first: {silent:?}");
}
