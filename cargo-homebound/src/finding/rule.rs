//! Owns the names of the rules, and of the hooks for pre-commit that check one rule.
//! Refuses to look at code: `check` does.

use std::fmt;
use std::str::FromStr;

/// The rules, in the order in which they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// A thread that no scope owns.
    RawThread,
    /// A join handle that nothing joins.
    DetachedThread,
    /// A thread without a purpose that says more than its name.
    BlankPurpose,
    /// A loop that sleeps and looks at a flag.
    PolledStop,
    /// A wait that does not hear the stop, where there is a context that would.
    DeafWait,
    /// A stop that is thrown away in a loop, which then spins.
    IgnoredStop,
    /// A loop that goes on after an error of a descriptor: after a stop, every call gives that
    /// error.
    DeafLoop,
    /// An end of the process that no scope hears of.
    ProcessExit,
    /// A file that could not be parsed, and so was not checked.
    BrokenSource,
    /// An entry of the configuration that matches nothing any more, or has expired.
    StaleAllow,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 10] = [
        Rule::RawThread,
        Rule::DetachedThread,
        Rule::BlankPurpose,
        Rule::PolledStop,
        Rule::DeafWait,
        Rule::IgnoredStop,
        Rule::DeafLoop,
        Rule::ProcessExit,
        Rule::BrokenSource,
        Rule::StaleAllow,
    ];

    /// The rule's own name, as printed and as written in `homebound.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Rule::RawThread => "raw-thread",
            Rule::DetachedThread => "detached-thread",
            Rule::BlankPurpose => "blank-purpose",
            Rule::PolledStop => "polled-stop",
            Rule::DeafWait => "deaf-wait",
            Rule::IgnoredStop => "ignored-stop",
            Rule::DeafLoop => "deaf-loop",
            Rule::ProcessExit => "process-exit",
            Rule::BrokenSource => "broken-source",
            Rule::StaleAllow => "stale-allow",
        }
    }

    /// The subject of the rule, in one line.
    pub fn summary(self) -> &'static str {
        match self {
            Rule::RawThread => "a thread that no scope owns",
            Rule::DetachedThread => {
                "a join handle dropped, ignored, forgotten, or stored where nothing joins it"
            }
            Rule::BlankPurpose => "a thread whose name or purpose is empty, or whose purpose says nothing",
            Rule::PolledStop => "a loop that sleeps and looks at a flag",
            Rule::DeafWait => "a wait that does not hear the stop, where there is a context that would",
            Rule::IgnoredStop => "a wait in a loop whose stop is thrown away: the loop spins after it",
            Rule::DeafLoop => "a loop that goes on after errors of a descriptor: after the stop it spins",
            Rule::ProcessExit => "an end of the process inside a scope",
            Rule::BrokenSource => "a file that could not be parsed, and so was not checked",
            Rule::StaleAllow => "an allow entry that matches nothing any more, or has expired",
        }
    }

    /// Why the rule exists, what it covers, and code before and after. Markdown that ends with a
    /// line break.
    pub fn explanation(self) -> &'static str {
        match self {
            Rule::RawThread => include_str!("explanations/raw-thread.md"),
            Rule::DetachedThread => include_str!("explanations/detached-thread.md"),
            Rule::BlankPurpose => include_str!("explanations/blank-purpose.md"),
            Rule::PolledStop => include_str!("explanations/polled-stop.md"),
            Rule::DeafWait => include_str!("explanations/deaf-wait.md"),
            Rule::IgnoredStop => include_str!("explanations/ignored-stop.md"),
            Rule::DeafLoop => include_str!("explanations/deaf-loop.md"),
            Rule::ProcessExit => include_str!("explanations/process-exit.md"),
            Rule::BrokenSource => include_str!("explanations/broken-source.md"),
            Rule::StaleAllow => include_str!("explanations/stale-allow.md"),
        }
    }

    /// The name of the hook that checks this rule alone.
    pub fn hook(self) -> Option<&'static str> {
        match self {
            Rule::RawThread => Some("require-thread-registry"),
            Rule::DetachedThread => Some("no-daemon-threads"),
            _ => None,
        }
    }
}

impl Rule {
    /// The names of the rules that an entry of the configuration may have: all but `stale-allow`,
    /// which is about such entries.
    pub(crate) fn allowable() -> Vec<&'static str> {
        Rule::ALL.into_iter().filter(|rule| *rule != Rule::StaleAllow).map(Rule::name).collect()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Rule {
    type Err = String;

    /// Reads a rule's own name or the name of its hook.
    fn from_str(text: &str) -> Result<Rule, String> {
        Rule::ALL.into_iter().find(|rule| rule.name() == text || rule.hook() == Some(text)).ok_or_else(|| {
            format!("there is no rule '{text}'; the rules are {}", Rule::ALL.map(Rule::name).join(", "))
        })
    }
}
