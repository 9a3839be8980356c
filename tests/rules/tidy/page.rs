//! The page of `Context`: rustdoc shows the methods in the order of the modules, so that order is
//! a part of the documentation.

use std::fs;

use super::FOLDERS;
use crate::source::root;

/// The headings of the blocks of methods, in the order of the page.
const BLOCKS: [&str; 5] = ["# Stop", "# Waits", "# Threads", "# Identity", "# Child processes (unix)"];

/// The files of `src`, as the modules are declared: the order in which rustdoc meets them.
fn files_in_order() -> Vec<String> {
    let mut files = Vec::new();
    for folder in FOLDERS.concat() {
        let table = root().join(format!("src/{folder}/mod.rs"));
        let text = fs::read_to_string(table).unwrap_or_default();
        let names = text.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';'));
        files.extend(names.map(|name| format!("src/{folder}/{name}.rs")));
    }
    files
}

/// The heading of each block of methods of `Context` in `text`, if the block has one.
fn headings(text: &str) -> Vec<Option<&str>> {
    let (mut found, mut heading) = (Vec::new(), None);
    for line in text.lines() {
        match line.strip_prefix("/// ") {
            Some(doc) if doc.starts_with('#') => heading = heading.or(Some(doc)),
            Some(_) => {}
            None if line == "impl Context {" => found.push(heading.take()),
            // The `///` between two paragraphs, and attributes.
            None if line == "///" || line.starts_with("#[") => {}
            None => heading = None,
        }
    }
    found
}

#[test]
fn the_methods_of_a_context_stand_in_their_order() {
    let mut seen = Vec::new();
    for file in files_in_order() {
        let text = fs::read_to_string(root().join(&file)).unwrap_or_default();
        seen.extend(headings(&text).into_iter().flatten().map(str::to_owned));
    }
    let blocks: Vec<_> = seen.iter().filter(|heading| heading.starts_with("# ")).collect();
    assert_eq!(blocks, BLOCKS, "the order of the modules is the order of the page");
}
