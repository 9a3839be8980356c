//! Owns the names of the rules, and those of the hooks that people know them by.
//! Refuses to look at code: `check` does.

use std::fmt;
use std::str::FromStr;

/// What can be wrong, in the order in which rules are listed.
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
    /// An end of the process that no scope hears of.
    ProcessExit,
    /// A file that could not be parsed, and so was not checked.
    BrokenSource,
    /// An entry of the configuration that matches nothing any more, or has expired.
    StaleAllow,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 8] = [
        Rule::RawThread,
        Rule::DetachedThread,
        Rule::BlankPurpose,
        Rule::PolledStop,
        Rule::DeafWait,
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
            Rule::ProcessExit => "process-exit",
            Rule::BrokenSource => "broken-source",
            Rule::StaleAllow => "stale-allow",
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

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Rule {
    type Err = String;

    /// By its own name or by its hook's.
    fn from_str(text: &str) -> Result<Rule, String> {
        Rule::ALL.into_iter().find(|rule| rule.name() == text || rule.hook() == Some(text)).ok_or_else(|| {
            format!("there is no rule '{text}'; the rules are {}", Rule::ALL.map(Rule::name).join(", "))
        })
    }
}
