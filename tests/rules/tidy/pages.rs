//! Pages are short, their links lead somewhere, and no mark says that work is left.

use super::LONGEST_README;
use crate::source::{none, pages, root, rust};

#[test]
fn nothing_is_left_for_later() {
    let marks = ["TO", "FIX", "XX"].iter().zip(["DO", "ME", "X"]).map(|(a, b)| format!("{a}{b}"));
    let marks: Vec<_> = marks.collect();
    let mut left = Vec::new();
    for source in rust().into_iter().chain(pages()) {
        for (place, line) in source.text.lines().enumerate() {
            let mut words = line.split(|c: char| !c.is_alphanumeric());
            if words.any(|word| marks.iter().any(|mark| word == mark)) {
                left.push(format!("{}:{}", source.path, place + 1));
            }
        }
    }
    none("left for later", left);
}

#[test]
fn pages_are_short_and_their_links_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        if page.path == "README.md" {
            let lines = page.text.lines().count();
            assert!(lines <= LONGEST_README, "the README has {lines} lines, more than {LONGEST_README}");
        }
        let folder = root().join(&page.path).parent().unwrap().to_owned();
        for link in links(&page.text) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !folder.join(target).exists() {
                broken.push(format!("{}: {link}", page.path));
            }
        }
    }
    none("links to nowhere", broken);
}

/// What stands in `](..)`, outside of code blocks.
pub(super) fn links(text: &str) -> Vec<&str> {
    let (mut found, mut in_code) = (Vec::new(), false);
    for line in text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        if in_code {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            found.extend(rest.split_once(')').map(|(link, _)| link));
        }
    }
    found
}
