//! Owns the results of a check, as data: findings, their rules, faults, and the report of them all.
//! Refuses to know how any of it is found or printed.
//!
//! Read this file first, then `rule` (the names of the rules) and `catalog` (the paths that start
//! threads).

pub mod catalog;
pub mod rule;

pub(crate) mod fault;
pub(crate) mod report;

use std::ops::Range;

use crate::finding::rule::Rule;

/// One place at which code breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The file, from the root of the workspace, with `/` between the parts.
    pub path: String,
    /// The line of the call's name, from 1.
    pub line: usize,
    /// The column of the call's name, in characters, from 1.
    pub column: usize,
    /// The call's name, in bytes of the file.
    pub span: Range<usize>,
    /// The mistake, in one line.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// Which of the two ways of looking found it.
    pub found_by: FoundBy,
}

/// The two ways of looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FoundBy {
    /// The source text, as parsed by the guard.
    Source,
    /// The compiler's view, by clippy (`--deep`).
    Clippy,
    /// Both.
    Both,
}
