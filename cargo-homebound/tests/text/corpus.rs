//! Labelled sources: a line with findings says so by `//~ rule rule`, and a line that only looks
//! like one by `//~ none`. Prints precision and recall of each rule:
//! `cargo test -p cargo-homebound --test text corpus -- --nocapture`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cargo_homebound::check;
use cargo_homebound::rule::Rule;

/// The findings of one rule, against the labels.
#[derive(Default, Clone, Copy)]
struct Count {
    right: usize,
    wrong: usize,
    missed: usize,
}

impl Count {
    /// Precision and recall.
    fn percent(self) -> (f64, f64) {
        let of = |whole: usize| if whole == 0 { 100.0 } else { 100.0 * self.right as f64 / whole as f64 };
        (of(self.right + self.wrong), of(self.right + self.missed))
    }
}

/// The labels of one file: rules by line; and the lines that say `none`.
fn labels(name: &str, text: &str) -> (Vec<(usize, Rule)>, usize) {
    let mut labels = Vec::new();
    let mut none = 0;
    for (at, line) in text.lines().enumerate() {
        let Some((_, label)) = line.split_once("//~ ") else { continue };
        for word in label.split_whitespace() {
            match word {
                "none" => none += 1,
                rule => labels.push((
                    at + 1,
                    rule.parse().unwrap_or_else(|error| panic!("{name}:{}: {error}", at + 1)),
                )),
            }
        }
    }
    (labels, none)
}

/// Compares the findings with the labels of all files in a folder and prints both. Returns the
/// counts and the differences.
fn compare(folder: &str) -> (BTreeMap<Rule, Count>, Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/text/corpus").join(folder);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut counts: BTreeMap<Rule, Count> = BTreeMap::new();
    let mut differ = Vec::new();
    let (mut positive, mut negative) = (0, 0);
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "rs")) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(file).unwrap();
        let (expected, none) = labels(name, &text);
        let mut lines: Vec<_> = expected.iter().map(|(line, _)| line).collect();
        lines.dedup();
        (positive, negative) = (positive + lines.len(), negative + none);
        // Two calls on one line are one label.
        let mut found: Vec<_> =
            check::source(name, &text).into_iter().map(|one| (one.line, one.rule)).collect();
        found.sort();
        found.dedup();
        for one in &found {
            let count = counts.entry(one.1).or_default();
            if expected.contains(one) {
                count.right += 1;
            } else {
                count.wrong += 1;
                differ.push(format!("{name}:{}: false alarm: {}", one.0, one.1));
            }
        }
        for one in expected.iter().filter(|one| !found.contains(one)) {
            counts.entry(one.1).or_default().missed += 1;
            differ.push(format!("{name}:{}: missed: {}", one.0, one.1));
        }
    }
    println!("{}: {positive} lines with a finding, {negative} that look like one", folder.display());
    for (rule, count) in &counts {
        let (Count { right, wrong, missed }, (precision, recall)) = (count, count.percent());
        let name = rule.name();
        println!(
            "{name:16} {right:4} right {wrong:4} false {missed:4} missed; precision {precision:5.1} %, recall {recall:5.1} %"
        );
    }
    (counts, differ)
}

#[test]
fn the_corpus_is_read_as_labelled() {
    let (_, differ) = compare("first");
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

/// Written when the code was done, to measure it on sources that it was not made for.
#[test]
fn the_second_corpus_is_read_as_labelled() {
    let (_, differ) = compare("second");
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

/// Programs in the manner of crates that were read for `ci/guard.sh`, with the usual
/// mistakes and the usual right code.
#[test]
fn in_the_manner_of_crates_nine_of_ten_are_found_and_right() {
    let (counts, differ) = compare("crates");
    for rule in Rule::ALL.into_iter().filter(|rule| !matches!(rule, Rule::BrokenSource | Rule::StaleAllow)) {
        let (precision, recall) = counts.get(&rule).copied().unwrap_or_default().percent();
        assert!(precision >= 90.0 && recall >= 90.0, "{rule}: {}", differ.join("\n"));
    }
}
