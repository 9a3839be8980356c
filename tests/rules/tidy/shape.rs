//! Files have a header and fit in a head, functions fit on a screen, folders stand in the code
//! map.

use std::fs;

use super::{FOLDERS, LONGEST_EXAMPLE, LONGEST_FILE, LONGEST_FUNCTION};
use crate::source::{COMPANIONS, Source, functions, guard, library, none, root, rust, sources};

#[test]
fn every_file_says_what_it_owns_and_what_it_refuses() {
    let guard = guard().into_iter().filter(|source| source.path.starts_with("cargo-homebound/src/"));
    let silent = library().into_iter().filter(|source| !source.path.ends_with("src/lib.rs")).chain(guard);
    // An example opens with what it prints, as those beside the library do.
    let is_example = |path: &str| {
        ["homebound-rayon/examples/", "homebound-tokio/examples/"].iter().any(|p| path.starts_with(p))
    };
    let silent = silent.filter(|source| !is_example(&source.path)).filter(|source| {
        // A public module has a page for users: there it is said beside the page.
        let header: Vec<_> = source.text.lines().take_while(|line| line.starts_with("//")).collect();
        let public = ["process", "registry", "wait", "work"]
            .iter()
            .any(|name| source.path == format!("src/{name}/mod.rs"));
        let first = if public { header.iter().find(|line| line.starts_with("// ")) } else { header.first() };
        let owns = first.is_some_and(|line| line.trim_start_matches(['/', '!']).starts_with(" Owns "));
        !owns || !header.iter().any(|line| line.contains("Refuses"))
    });
    none("no `//! Owns ..`, or no `Refuses ..`", silent.map(|source| source.path));
    let tests_and_examples = rust().into_iter().filter(|source| {
        let part = ["tests/rules/ui/", "src/", "cargo-homebound/src/", "homebound-"]
            .iter()
            .any(|part| source.path.starts_with(part));
        !part && !source.text.starts_with("//! ")
    });
    none("no `//!` on the first line", tests_and_examples.map(|source| source.path));
}

/// The lines of a file, without the examples in its doc comments: examples are read on a page.
fn length(source: &Source) -> usize {
    let (mut count, mut is_example) = (0, false);
    for line in source.text.lines().map(str::trim_start) {
        let doc = ["///", "//!"].iter().find_map(|mark| line.strip_prefix(mark)).map(str::trim_start);
        let is_fence = doc.is_some_and(|doc| doc.starts_with("```"));
        count += usize::from(!(is_fence || is_example && doc.is_some()));
        is_example = doc.is_some() && (is_example != is_fence);
    }
    count
}

#[test]
fn files_fit_in_a_head_and_functions_on_a_screen() {
    let long = rust().into_iter().filter(|s| !s.path.starts_with("examples/") && length(s) > LONGEST_FILE);
    none("files that are too long", long.map(|source| format!("{}: {}", source.path, length(&source))));
    let examples = sources("examples", ".rs").into_iter();
    // These two are programs, and no pages to read.
    let is_program = |path: &str| ["examples/studio/", "examples/fleet/"].iter().any(|p| path.starts_with(p));
    let examples = examples.filter(|s| !is_program(&s.path) && length(s) > LONGEST_EXAMPLE);
    none("examples that are too long", examples.map(|source| source.path));
    let mut long = Vec::new();
    // Nobody reads a random tree from its top to its end.
    for source in rust().into_iter().filter(|source| !source.path.starts_with("tests/tools/trees/")) {
        let functions = functions(&source).into_iter().filter(|(_, _, length)| *length > LONGEST_FUNCTION);
        long.extend(functions.map(|(name, start, n)| format!("{}:{}: {name}, {n}", source.path, start + 1)));
    }
    none("functions that are too long", long);
}

#[test]
fn the_code_map_has_a_row_for_each_folder() {
    let map = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let row = |name: &str| map.lines().any(|line| line.starts_with(&format!("| `{name}` |")));
    let folders = FOLDERS.iter().copied().flatten().filter(|name| **name != "for_testing");
    let folders = folders.map(|name| format!("{name}/"));
    let rows = folders.chain(["for_testing.rs", "lib.rs"].map(str::to_owned));
    let missing = rows.chain(COMPANIONS.map(str::to_owned)).filter(|name| !row(name));
    none("folders that docs/ARCHITECTURE.md does not name", missing);
}
