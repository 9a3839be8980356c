//! Owns what was found: one place in one file, and what to do there.
//! Refuses to know how it is printed.

use std::ops::Range;

use crate::rule::Rule;

/// One place that a rule speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule it is.
    pub rule: Rule,
    /// The file, from the root of the workspace, with `/` between the parts.
    pub path: String,
    /// The line of the call's name, from 1.
    pub line: usize,
    /// The column of the call's name, in characters, from 1.
    pub column: usize,
    /// The call's name, in bytes of the file.
    pub span: Range<usize>,
    /// What is wrong there, in one line.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// Who found it.
    pub found_by: FoundBy,
}

/// Which of the two ways of looking found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FoundBy {
    /// The source text, as parsed by the guard.
    Source,
    /// The compiler's view, by clippy (`--deep`).
    Clippy,
    /// Both.
    Both,
}
