//! Rules are cited by number (`E1`, `X1`, `invariant 2`). Each citation has a target, each number
//! one meaning, each rule a test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::pages::links;
use crate::source::{Source, functions, guard, none, pages, root, rust, sources};

const SEMANTICS: &str = "docs/SEMANTICS.md";
const PROOF: &str = "src/rt/README.md";
/// Its rows are cited as `T1`; a `T` alone is the rule about the tree.
const BENCHMARK: &str = "docs/PERFORMANCE.md";

/// The letters of numbers. `X` is for the exits of the proof, the others are the groups of
/// docs/SEMANTICS.md.
const GROUPS: &[&str] = &[
    "P", "E", "S", "F", "W", "T", "R", "G", "C", "A", "X", // the core
    "K", "RE", "RS", "SV", "JO", "MA", "RA", "PO", // what is built on it
    "ED", "ST", "HE", "WF", "TX", // what is seen
    "IN", "GH", "SM", "DR", "QU", // what is around
];

/// Rules that no test of the library can hold: they say where something is.
const WITHOUT_A_TEST: [&str; 1] = ["A13"];

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap()
}

/// `E1`, and `T` alone.
fn is_number(word: &str) -> bool {
    let (group, digits) = word.split_at(word.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(word.len()));
    if !GROUPS.contains(&group) {
        return false;
    }
    (digits.is_empty() && group == "T")
        || ((1..=2).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit()))
}

/// The numbers in a text. A `T` alone is one only where the others of its list are numbers,
/// `pins P8, T`, since types have that name.
fn numbers(text: &str) -> Vec<&str> {
    let pins = text.split("pins ").skip(1).flat_map(|list| list.split(", "));
    let pins = pins.map(|word| word.trim().trim_end_matches([';', '.'])).filter(|word| *word == "T");
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| word.len() > 1);
    words.filter(|word| is_number(word)).chain(pins).collect()
}

/// The rules of docs/SEMANTICS.md with their texts: each begins with `<a id="e1"></a>**E1 `.
fn rules() -> Vec<(String, String)> {
    let text = read(SEMANTICS);
    let parts = text.split("<a id=\"").skip(1).map(|part| part.split_once("\"></a>**").expect("an anchor"));
    let rules = parts.map(|(anchor, text)| {
        let number = text.split_whitespace().next().unwrap_or_default();
        assert_eq!(anchor, number.to_lowercase(), "the anchor of {number} in {SEMANTICS}");
        assert!(is_number(number), "{number} in {SEMANTICS}");
        (number.to_owned(), text.to_owned())
    });
    rules.collect()
}

/// Each number that means something, and where it is said.
fn defined() -> BTreeMap<String, Vec<&'static str>> {
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (number, _) in rules() {
        found.entry(number).or_default().push(SEMANTICS);
    }
    let (proof, benchmark) = (read(PROOF), read(BENCHMARK));
    let exits = proof.lines().filter_map(|line| line.strip_prefix("| X")?.split_once(" |"));
    for (digits, _) in exits {
        found.entry(format!("X{digits}")).or_default().push(PROOF);
    }
    let rows = benchmark.lines().filter(|line| line.starts_with("- **T"));
    for row in rows.flat_map(|line| line.split("**")).filter(|word| is_number(word)) {
        found.entry(row.to_owned()).or_default().push(BENCHMARK);
    }
    found
}

/// The comments of a Rust file, with their lines (from 1).
fn comments(source: &Source) -> Vec<(usize, String)> {
    let lines = source.text.lines().zip(source.code()).enumerate();
    lines.map(|(place, (line, code))| (place + 1, line[code.len()..].to_owned())).collect()
}

/// All that may cite: comments of code, pages, scripts.
fn texts() -> Vec<(String, usize, String)> {
    let code = rust().into_iter().chain(sources("benches", ".rs")).chain(sources("ci", ".rs"));
    let mut found = Vec::new();
    for source in code {
        let lines = comments(&source).into_iter();
        found.extend(lines.map(|(line, text)| (source.path.clone(), line, text)));
    }
    let manifest = Source { path: "Cargo.toml".to_owned(), text: read("Cargo.toml") };
    for source in pages().into_iter().chain(sources("ci", ".sh")).chain([manifest]) {
        let lines = source.text.lines().enumerate();
        found.extend(lines.map(|(place, line)| (source.path.clone(), place + 1, line.to_owned())));
    }
    found
}

/// The names of all functions in tests, with their files. `e1_waits` is a test of E1.
fn tests() -> Vec<(String, String)> {
    let all = sources("tests", ".rs").into_iter().chain(guard());
    all.flat_map(|source| {
        let names = functions(&source).into_iter();
        names.map(|(name, _, _)| (name, source.path.clone())).collect::<Vec<_>>()
    })
    .collect()
}

/// The number with which the name of a test begins.
fn number_of(test: &str) -> Option<String> {
    let number = test.split_once('_')?.0.to_uppercase();
    is_number(&number).then_some(number)
}

#[test]
fn a_number_has_one_meaning_and_each_citation_a_target() {
    let defined = defined();
    let twice = defined.iter().filter(|(_, pages)| pages.len() > 1);
    none("numbers that mean two things", twice.map(|(number, pages)| format!("{number}: {pages:?}")));
    let mut dangling = Vec::new();
    for (path, line, text) in texts() {
        let cited = numbers(&text).into_iter().filter(|number| !defined.contains_key(*number));
        dangling.extend(cited.map(|number| format!("{path}:{line}: {number}")));
    }
    for (name, path) in tests() {
        let dangles = number_of(&name).is_some_and(|number| !defined.contains_key(&number));
        dangling.extend(dangles.then(|| format!("{path}: {name}")));
    }
    none(&format!("citations without a target in {SEMANTICS} or {PROOF}"), dangling);
}

#[test]
fn each_rule_has_a_test_and_each_test_that_it_names_is_there() {
    let tests = tests();
    let held: BTreeSet<String> = tests.iter().filter_map(|(name, _)| number_of(name)).collect();
    let there = |name: &str| match name.strip_suffix('*') {
        Some(start) => tests.iter().any(|(test, _)| test.starts_with(start)),
        None => tests.iter().any(|(test, _)| test == name),
    };
    let (mut unheld, mut gone) = (Vec::new(), Vec::new());
    for (number, text) in rules() {
        let list = text.split("ests:").nth(1).map_or("", |list| list.split("\n\n").next().unwrap_or(list));
        let named: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        if named.is_empty() && !held.contains(&number) && !WITHOUT_A_TEST.contains(&&*number) {
            unheld.push(number.clone());
        }
        gone.extend(named.iter().filter(|name| !there(name)).map(|name| format!("{number}: {name}")));
    }
    none("rules without a test", unheld);
    none(&format!("tests that {SEMANTICS} names and that are not there"), gone);
}

/// `invariant 2` is one of the proof's, `invariant 2 of `node`` one in the header of that file.
#[test]
fn each_invariant_that_is_cited_is_there() {
    let listed = |text: &str, prefix: &str, number: &str| {
        text.lines().any(|line| line.starts_with(&format!("{prefix}{number}. ")))
    };
    let proof = read(PROOF);
    let list =
        proof.split("## Invariants").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a list");
    let sources = sources("src", ".rs");
    let mut dangling = Vec::new();
    for (path, line, text) in texts().into_iter().filter(|(path, _, _)| path.starts_with("src/")) {
        for rest in text.split("nvariant ").skip(1) {
            let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
            let of = rest[number.len()..].strip_prefix(" of `").and_then(|rest| rest.split('`').next());
            let is_there = match of.filter(|file| *file != "rt") {
                None => listed(list, "", &number),
                Some(file) => {
                    let name = format!("/{file}.rs");
                    sources.iter().any(|s| s.path.ends_with(&name) && listed(&s.text, "//! ", &number))
                }
            };
            if !number.is_empty() && !is_there {
                dangling.push(format!("{path}:{line}: invariant {}", rest.trim()));
            }
        }
    }
    none("invariants that are nowhere", dangling);
}

/// The places in docs/SEMANTICS.md to which pages link.
#[test]
fn links_to_rules_lead_to_rules() {
    let text = read(SEMANTICS);
    let slug = |heading: &str| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-'].contains(c));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    let headings = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with("##")))
        .map(slug);
    let places: BTreeSet<_> =
        headings.chain(rules().into_iter().map(|(number, _)| number.to_lowercase())).collect();
    let mut broken = Vec::new();
    for page in pages() {
        let here = page.path == SEMANTICS;
        for link in links(&page.text) {
            let place = match link.split_once('#') {
                Some((target, place)) if target.ends_with("SEMANTICS.md") || (here && target.is_empty()) => {
                    place
                }
                _ => continue,
            };
            if !places.contains(place) {
                broken.push(format!("{}: {link}", page.path));
            }
        }
    }
    none("links to rules that are not there", broken);
}
