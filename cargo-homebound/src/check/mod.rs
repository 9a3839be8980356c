//! Owns the check of one file: text in, findings out.
//! Refuses to know where files come from, and what is allowed.

use crate::finding::Finding;

/// A place that starts a thread, for those who ask about dependencies and not about rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The line of the call's name, from 1.
    pub line: usize,
    /// The column of the call's name, in characters, from 1.
    pub column: usize,
    /// The path in the catalog: `std::thread::spawn`.
    pub what: &'static str,
    /// The features that a `cfg` around the place asks for, in this file.
    pub features: Vec<String>,
    /// Whether it is in code that is compiled for tests only.
    pub test: bool,
}

/// What the rules have to say about a file, in the order of its lines. `path` is only carried into the findings.
///
/// A file that cannot be parsed gives one finding, `broken-source`.
pub fn source(path: &str, text: &str) -> Vec<Finding> {
    let _ = (path, text);
    Vec::new()
}

/// The places of a file that start threads.
///
/// # Errors
///
/// A file that cannot be parsed: line, column, and what the parser says.
pub fn starts(text: &str) -> Result<Vec<Start>, (usize, usize, String)> {
    let _ = text;
    Ok(Vec::new())
}

/// Whether a file can hold anything that the rules speak of: a quick look at its bytes, before it is parsed.
pub fn is_worth_a_look(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"thread").is_some()
}
