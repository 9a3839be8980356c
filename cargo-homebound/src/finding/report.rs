//! Owns the report of a check: findings, the number of allowed ones, and notes.
//! Refuses to print it.

use crate::finding::{Finding, FoundBy};

/// The report of a check.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// By path, line and column.
    pub(crate) findings: Vec<Finding>,
    /// How many more findings there were, which the configuration allows.
    pub(crate) allowed: usize,
    /// How many files were looked at.
    pub(crate) files: usize,
    /// Notes, which are no findings.
    pub(crate) notes: Vec<String>,
    /// With `--deep`: which way of looking found what.
    pub(crate) deep: Option<Deep>,
}

/// The findings of the two ways of looking, allowed or not, of the rules that both know.
#[derive(Debug, Default)]
pub(crate) struct Deep {
    pub(crate) both: usize,
    /// `path:line:column: rule` of findings that the text alone shows.
    pub(crate) source: Vec<String>,
    /// The same of findings that only the compiler's view shows.
    pub(crate) clippy: Vec<String>,
}

impl Deep {
    /// Sorts findings by the way of looking that found them.
    pub(crate) fn of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Deep {
        let mut deep = Deep::default();
        for finding in findings {
            let Finding { path, line, column, rule, .. } = finding;
            let place = format!("{path}:{line}:{column}: {rule}");
            match finding.found_by {
                FoundBy::Both => deep.both += 1,
                FoundBy::Source => deep.source.push(place),
                FoundBy::Clippy => deep.clippy.push(place),
            }
        }
        deep
    }
}

impl Report {
    /// One line: how many findings and files, and how many findings are allowed.
    pub(crate) fn summary(&self) -> String {
        let mut files: Vec<_> = self.findings.iter().map(|finding| &finding.path).collect();
        files.dedup();
        let found = match self.findings.len() {
            0 => "no findings".to_owned(),
            n => format!("{} in {}", plural(n, "finding"), plural(files.len(), "file")),
        };
        let checked = plural(self.files, "file");
        let allowed = if self.allowed == 0 { String::new() } else { format!("; {} allowed", self.allowed) };
        format!("{found}; {checked} checked{allowed}")
    }
}

/// `1 file`, `2 files`.
pub(crate) fn plural(n: usize, what: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {what}{s}")
}
