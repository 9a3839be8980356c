//! The public pages: rustdoc shows the methods of a type in the order of the modules, so that order
//! is a part of the documentation. The page of the crate lists what a program can see of it.

use std::collections::BTreeSet;
use std::fs;

use super::FOLDERS;
use crate::source::{root, sources};

/// The headings of the blocks of methods of `Context`, in the order of its page.
const OF_CONTEXT: [&str; 10] = [
    "# Stop",
    "# Waits",
    "# Threads",
    "# Identity",
    "# Child processes (unix)",
    "# Maps",
    "# Pools",
    "# Races",
    "# Retries",
    "# Supervisors",
];

/// The headings of the blocks of methods of `Scope`, in the order of its page.
const OF_SCOPE: [&str; 9] = [
    "# Threads, and what they may use",
    "# Groups",
    "# Stop",
    "# How the threads come home, and what they do",
    "# Child processes (unix)",
    "# Maps",
    "# Pools",
    "# Races",
    "# Supervisors",
];

/// The files of a module, as its modules are declared: the order in which rustdoc meets them.
fn files_in(folder: &str) -> Vec<String> {
    let table = fs::read_to_string(root().join(format!("{folder}/mod.rs"))).unwrap_or_default();
    let names = table.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';'));
    let files = names.flat_map(|name| {
        let file = format!("{folder}/{name}.rs");
        if root().join(&file).is_file() { vec![file] } else { files_in(&format!("{folder}/{name}")) }
    });
    files.collect()
}

/// The heading of each block of methods of `of` in `text`, if the block has one.
fn headings<'a>(text: &'a str, of: &str) -> Vec<Option<&'a str>> {
    let is_block = |line: &str| {
        let named = line.split_whitespace().any(|word| word == of || word.starts_with(&format!("{of}<")));
        line.starts_with("impl") && line.ends_with('{') && named && !line.contains(" for ")
    };
    let (mut found, mut heading) = (Vec::new(), None);
    for line in text.lines() {
        match line.strip_prefix("/// ") {
            Some(doc) if doc.starts_with('#') => heading = heading.or(Some(doc)),
            Some(_) => {}
            None if is_block(line) => found.push(heading.take()),
            // The `///` between two paragraphs, and attributes.
            None if line == "///" || line.starts_with("#[") => {}
            None => heading = None,
        }
    }
    found
}

fn blocks(of: &str) -> Vec<String> {
    let files = FOLDERS.concat().into_iter().flat_map(|folder| files_in(&format!("src/{folder}")));
    let texts = files.map(|file| fs::read_to_string(root().join(file)).unwrap_or_default());
    let found = texts.flat_map(|text| {
        let found = headings(&text, of).into_iter().flatten();
        found.filter(|heading| heading.starts_with("# ")).map(str::to_owned).collect::<Vec<_>>()
    });
    found.collect()
}

#[test]
fn the_methods_of_a_context_stand_in_their_order() {
    assert_eq!(blocks("Context"), OF_CONTEXT, "the order of the modules is the order of the page");
}

#[test]
fn the_methods_of_a_scope_stand_in_their_order() {
    assert_eq!(blocks("Scope"), OF_SCOPE, "the order of the modules is the order of the page");
}

#[test]
fn the_page_of_the_crate_has_each_target_of_tracing_and_each_feature() {
    let page = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let texts: Vec<_> = sources("src", ".rs").into_iter().map(|source| source.text).collect();
    let targets = texts.iter().flat_map(|text| text.split("target: \"").skip(1));
    let targets: BTreeSet<_> = targets.filter_map(|text| Some(text.split_once('"')?.0)).collect();
    let listed = |target: &&str| page.contains(&format!("//! | `{target}` |"));
    assert!(targets.len() >= 10, "{targets:?}");
    assert!(targets.iter().all(listed), "{targets:?}");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let features = manifest.split_once("[features]\n").unwrap().1.split("\n[").next().unwrap();
    let names = features.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    for name in names.filter(|name| *name != "default" && !name.starts_with('#')) {
        assert!(page.contains(&format!("//! - `{name}` (")), "{name}");
    }
}
