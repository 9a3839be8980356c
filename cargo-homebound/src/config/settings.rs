//! Owns the decisions of a project as data: which files are exempt, and which findings are allowed,
//! with a reason.
//! Refuses to read them, which `read` does, and to apply them, which `allow` does.

use std::ops::Range;

use crate::config::day::Day;
use crate::config::glob::Glob;
use crate::finding::rule::Rule;

/// The configuration of a project.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// The file, by its path for reports.
    pub(crate) path: String,
    /// The text of the file.
    pub(crate) text: String,
    /// Whether there is a configuration.
    pub(crate) is_written: bool,
    pub(crate) exempt: Vec<Glob>,
    pub(crate) allow: Vec<Allow>,
}

/// One entry: findings that are allowed, and why.
#[derive(Debug, Clone)]
pub(crate) struct Allow {
    pub(crate) rule: Rule,
    pub(crate) path: Glob,
    pub(crate) reason: String,
    /// The last day on which the entry is valid.
    pub(crate) until: Option<Day>,
    /// The number of findings that the entry allows. `None`: any number.
    pub(crate) count: Option<usize>,
    /// Whether the entry is for findings that only `--deep` makes.
    pub(crate) deep: bool,
    /// Where the entry is written.
    pub(crate) span: Range<usize>,
    /// Where its number is written.
    pub(crate) count_span: Option<Range<usize>>,
}

impl Config {
    /// Whether a file is exempt.
    pub(crate) fn is_exempt(&self, path: &str) -> bool {
        self.exempt.iter().any(|glob| glob.matches(path))
    }
}
