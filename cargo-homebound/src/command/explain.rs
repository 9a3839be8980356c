//! Owns `cargo homebound explain`: one rule at length, or all rules in a line each.
//! Refuses to know the texts: each rule has its own.

use std::fmt::Write;

use crate::finding::rule::Rule;

/// The whole text for one rule.
pub(crate) fn rule(rule: Rule) -> String {
    let mut text = format!("{rule}: {}\n", rule.summary());
    let _infallible = writeln!(text, "\n{}", rule.explanation().trim_end());
    text
}

/// All rules, in a line each.
pub(crate) fn all() -> String {
    let mut text = String::from("The rules, each with `cargo homebound explain RULE`:\n\n");
    for rule in Rule::ALL {
        let hook = rule.hook().map(|hook| format!(" (hook {hook})")).unwrap_or_default();
        let _infallible = writeln!(text, "  {:<16} {}{hook}", rule.name(), rule.summary());
    }
    text
}
