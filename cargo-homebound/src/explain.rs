//! Owns `cargo homebound explain`: a rule, at length; all of them, in a line each.
//! Refuses to know the words: each rule has its own.

use std::fmt::Write;

use crate::rule::Rule;

/// What a rule is about, in one line.
pub(crate) fn summary(rule: Rule) -> &'static str {
    match rule {
        Rule::RawThread => "a thread that no scope owns",
        Rule::DetachedThread => "a join handle that nothing joins",
        Rule::BlankPurpose => "a thread without a purpose that says more than its name",
        Rule::PolledStop => "a loop that sleeps and looks at a flag",
        Rule::DeafWait => "a wait that does not hear the stop, where there is a context that would",
        Rule::ProcessExit => "an end of the process that no scope hears of",
        Rule::BrokenSource => "a file that could not be parsed, and so was not checked",
        Rule::StaleAllow => "an entry of the configuration that matches nothing any more, or has expired",
    }
}

/// The same with why it matters, what to write instead, before and after. Markdown.
pub(crate) fn explanation(rule: Rule) -> &'static str {
    summary(rule)
}

/// The whole text for one rule.
pub(crate) fn rule(rule: Rule) -> String {
    let mut text = format!("{rule}: {}\n", summary(rule));
    let _infallible = writeln!(text, "\n{}", explanation(rule).trim_end());
    text
}

/// All rules, in a line each.
pub(crate) fn all() -> String {
    let mut text = String::from("The rules, each with `cargo homebound explain RULE`:\n\n");
    for rule in Rule::ALL {
        let hook = rule.hook().map(|hook| format!(" (hook {hook})")).unwrap_or_default();
        let _infallible = writeln!(text, "  {:<16} {}{hook}", rule.name(), summary(rule));
    }
    text
}

/// The names of the rules that an entry of the configuration may have.
pub(crate) fn allowable() -> Vec<&'static str> {
    Rule::ALL.into_iter().filter(|rule| *rule != Rule::StaleAllow).map(Rule::name).collect()
}
