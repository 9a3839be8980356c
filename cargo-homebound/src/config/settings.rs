//! Owns the decisions of a project as data: which files are exempt, and which findings are allowed,
//! with a reason.
//! Refuses to read them, which `read` does, and to apply them, which `allow` does.

use std::ops::Range;

use crate::config::day::Day;
use crate::config::glob::Glob;
use crate::finding::rule::Rule;

/// The whole of it.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// Where it is written, as told.
    pub(crate) path: String,
    /// What is written there.
    pub(crate) text: String,
    /// Whether there is any.
    pub(crate) is_written: bool,
    pub(crate) exempt: Vec<Glob>,
    pub(crate) allow: Vec<Allow>,
}

/// One entry: what is allowed, where, and why.
#[derive(Debug, Clone)]
pub(crate) struct Allow {
    pub(crate) rule: Rule,
    pub(crate) path: Glob,
    pub(crate) reason: String,
    /// The last day on which it holds.
    pub(crate) until: Option<Day>,
    /// How many findings at most; any number without it.
    pub(crate) count: Option<usize>,
    /// Whether it is for what only `--deep` sees.
    pub(crate) deep: bool,
    /// Where the entry begins.
    pub(crate) span: Range<usize>,
    /// Where its count is written.
    pub(crate) count_span: Option<Range<usize>>,
}

impl Config {
    /// Whether a file is not to be looked at.
    pub(crate) fn is_exempt(&self, path: &str) -> bool {
        self.exempt.iter().any(|glob| glob.matches(path))
    }
}
