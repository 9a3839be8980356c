//! A reader meets an example wherever the page is opened: most public functions and types have one.

use std::collections::BTreeSet;

use crate::source::{Source, sources};

/// Of 100 public functions and types, how many must have an example.
const LEAST: usize = 65;

/// A public type, or a function of one, and whether its documentation has a block of code.
struct Item {
    name: String,
    has_example: bool,
}

/// The names behind `pub use` in the crate's root and in the public modules.
fn exported(sources: &[Source]) -> BTreeSet<String> {
    let public = ["lib", "process/mod", "registry/mod", "wait/mod"].map(|name| format!("src/{name}.rs"));
    let mut names = BTreeSet::new();
    for source in sources.iter().filter(|source| public.contains(&source.path)) {
        let code: Vec<_> = source.code().collect();
        for list in code.join(" ").split("pub use ").skip(1) {
            let list = list.split(';').next().unwrap_or_default();
            names.extend(list.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned));
        }
    }
    names
}

/// The word after `keyword` in a line such as `pub fn spawn<T, F>(`.
fn named<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(keyword)?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

/// The type of an `impl` without a trait: `Handle` for `impl<T> Handle<'_, T> {`.
fn owner(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl")?;
    let rest = if rest.starts_with('<') { rest.split_once("> ")?.1 } else { rest.trim_start() };
    (!rest.contains(" for ")).then(|| named(rest, "")).flatten()
}

fn items(source: &Source, exported: &BTreeSet<String>) -> Vec<Item> {
    let (mut found, mut has_example, mut within) = (Vec::new(), false, None);
    for line in source.text.lines() {
        let start = line.trim_start();
        if start.starts_with("///") {
            has_example |= start.contains("```");
            continue;
        }
        if start.starts_with("#[") || start.starts_with("// ") {
            continue;
        }
        if line.starts_with("impl") {
            within = owner(line).filter(|name| exported.contains(*name));
        }
        let is_method = line.starts_with("    pub fn ") && within.is_some();
        let words = ["pub fn ", "pub struct ", "pub enum ", "pub trait ", "pub type "];
        let free = words.iter().find_map(|word| named(line, word)).filter(|name| exported.contains(*name));
        let name = if is_method { named(start, "pub fn ") } else { free };
        found.extend(name.map(|name| Item { name: format!("{}: {name}", source.path), has_example }));
        has_example = false;
    }
    found
}

#[test]
fn most_public_functions_and_types_have_an_example() {
    let sources = sources("src", ".rs");
    let exported = exported(&sources);
    // The crates beside this one have `for_testing` to themselves, and `sys` is private.
    let shown =
        sources.iter().filter(|source| !["sys", "for_testing"].contains(&source.module().unwrap_or("")));
    let items: Vec<_> = shown.flat_map(|source| items(source, &exported)).collect();
    let without: Vec<_> =
        items.iter().filter(|item| !item.has_example).map(|item| item.name.as_str()).collect();
    let with = items.len() - without.len();
    println!("{with} of {} public functions and types have an example", items.len());
    assert!(items.len() > 150, "only {} public items were found", items.len());
    assert!(with * 100 >= items.len() * LEAST, "without an example:\n{}", without.join("\n"));
}
