//! Owns the union of the two ways of looking: a place that both found is one finding.
//! Refuses to prefer one of them.

use super::messages::Seen;
use crate::finding::{Finding, FoundBy};
use crate::source::walk::Walked;

/// Adds clippy's findings in these files to the findings of the text.
pub(crate) fn fold(found: &mut Vec<Finding>, mut seen: Vec<Seen>, walked: &Walked) {
    // Clippy knows no exemptions, and builds more than was asked for.
    seen.retain(|seen| walked.items.iter().any(|item| item.path == seen.finding.path));
    let mut alone = Vec::new();
    for Seen { finding, lines } in seen {
        let same = |old: &&mut Finding| {
            old.rule == finding.rule && old.path == finding.path && lines.contains(&old.line)
        };
        // Two calls may stand in one line. A call of the same name fits best, then any call that
        // clippy has not matched yet.
        let mut here: Vec<_> = found.iter_mut().filter(same).collect();
        let exact = here.iter().position(|old| old.span.start == finding.span.start);
        let free = here.iter().position(|old| old.found_by == FoundBy::Source);
        match exact.or(free).or(if here.is_empty() { None } else { Some(0) }) {
            Some(place) => here[place].found_by = FoundBy::Both,
            None => alone.push(finding),
        }
    }
    found.extend(alone);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::rule::Rule;
    use crate::source::walk::Item;

    fn at(line: usize, column: usize, found_by: FoundBy) -> Finding {
        let span = line * 100 + column..line * 100 + column + 5;
        let (path, message, help) = ("src/a.rs".to_owned(), String::new(), String::new());
        Finding { rule: Rule::RawThread, path, line, column, span, message, help, found_by }
    }

    #[test]
    fn one_place_is_one_finding_and_the_rest_keeps_its_finder() {
        let mut found =
            vec![at(3, 5, FoundBy::Source), at(3, 40, FoundBy::Source), at(9, 1, FoundBy::Source)];
        let seen = |line, column| Seen { finding: at(line, column, FoundBy::Clippy), lines: line..line + 1 };
        let elsewhere = Finding { path: "src/exempt.rs".to_owned(), ..at(1, 1, FoundBy::Clippy) };
        let elsewhere = Seen { finding: elsewhere, lines: 1..2 };
        let item = Item { path: "src/a.rs".to_owned(), file: "src/a.rs".into() };
        let walked = Walked { items: vec![item], unread: Vec::new() };
        fold(&mut found, vec![seen(3, 40), seen(3, 6), seen(7, 1), elsewhere], &walked);
        let who: Vec<_> = found.iter().map(|finding| (finding.line, finding.found_by)).collect();
        assert_eq!(who, [(3, FoundBy::Both), (3, FoundBy::Both), (9, FoundBy::Source), (7, FoundBy::Clippy)]);
    }
}
