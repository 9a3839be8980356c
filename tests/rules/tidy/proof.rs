//! Unsafe code, promised lifetimes and planted bugs stand where the proof and the models expect
//! them.

use std::collections::BTreeMap;
use std::fs;

use super::{PLANTED, PROMISES, UNSAFE};
use crate::source::{Source, functions, library, none, root, sources};

#[test]
fn unsafe_is_where_the_proof_is() {
    let (mut elsewhere, mut unexplained) = (Vec::new(), Vec::new());
    for source in library() {
        let lines: Vec<_> = source.text.lines().collect();
        for (place, code) in source.code().enumerate() {
            let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
            if !words.any(|word| word == "unsafe") {
                continue;
            }
            let here = format!("{}:{}", source.path, place + 1);
            if !UNSAFE.iter().any(|place| source.path.starts_with(place)) {
                elsewhere.push(here.clone());
            }
            let above = lines[..place].iter().rev().take_while(|line| line.trim_start().starts_with("//"));
            if !above.into_iter().any(|line| line.contains("// SAFETY: ")) {
                unexplained.push(here);
            }
        }
    }
    none("unsafe in other places than UNSAFE", elsewhere);
    none("unsafe without a `// SAFETY:` above it", unexplained);
}

#[test]
fn a_lifetime_is_promised_only_where_the_proof_says_so() {
    let call = ["Lease::", "promise()"].concat();
    let mut found = BTreeMap::new();
    for source in sources("src", ".rs") {
        let functions = functions(&source);
        for (place, _) in source.code().enumerate().filter(|(_, line)| line.contains(&call)) {
            let inside =
                functions.iter().rfind(|(_, start, length)| (*start..start + length).contains(&place));
            let name = inside.map_or("no function", |(name, _, _)| name).to_owned();
            *found.entry((source.path.clone(), name)).or_insert(0) += 1;
        }
    }
    let listed = PROMISES.map(|(file, name, count)| ((file.to_owned(), name.to_owned()), count));
    assert_eq!(found, BTreeMap::from(listed), "a new promise needs a proof in src/rt/README.md first");
    for page in ["src/rt/erase.rs", "src/rt/README.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let unnamed = PROMISES.iter().filter(|(_, name, _)| !text.contains(&format!("::{name}`")));
        none(&format!("promises that {page} does not name"), unnamed.map(|(_, name, _)| (*name).to_owned()));
    }
}

/// A planted bug that cannot be planted, or that no model looks for, proves nothing.
#[test]
fn every_planted_bug_has_its_place_and_its_model() {
    for (patches, models) in PLANTED {
        let models: String = sources(models, ".rs").into_iter().map(|source| source.text).collect();
        let patches = sources(patches, ".patch");
        assert!(!patches.is_empty());
        none(
            "planted bugs",
            patches.iter().flat_map(|patch| {
                let faults = unknown_models(patch, &models).into_iter().chain(lost_places(patch));
                faults.map(|fault| format!("{}: {fault}", patch.path)).collect::<Vec<_>>()
            }),
        );
    }
}

/// The faults of the models that must find the bug of this patch.
fn unknown_models(patch: &Source, models: &str) -> Vec<String> {
    let rows = patch.text.lines().filter_map(|line| line.strip_prefix("Found by: "));
    let named: Vec<_> = rows.filter_map(|row| row.split_whitespace().nth(1)).collect();
    if named.is_empty() {
        return vec!["names no model that finds the bug".to_owned()];
    }
    let unknown = named.iter().filter(|model| !models.contains(&format!("fn {model}()")));
    unknown.map(|model| format!("there is no model {model}")).collect()
}

/// The changes of this patch whose lines are not in their file, or more than once.
fn lost_places(patch: &Source) -> Vec<String> {
    let mut lost = Vec::new();
    for change in patch.text.split("\n--- a/").skip(1) {
        let (file, hunks) = change.split_once('\n').expect("lines below the name of a file");
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        for hunk in hunks.split("@@\n").skip(1) {
            let old = hunk.lines().filter(|line| line.starts_with([' ', '-']));
            let old: String = old.map(|line| format!("\n{}", &line[1..])).collect();
            let places = format!("\n{text}").matches(&format!("{old}\n")).count();
            if places != 1 {
                lost.push(format!("in {file} {places} times, and not once:{old}"));
            }
        }
    }
    lost
}
