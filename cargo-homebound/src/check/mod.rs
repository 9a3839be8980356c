//! Owns the check of one file: text in, findings out.
//! Refuses to know where files come from, and what is allowed.

use syn::visit::Visit;

use crate::finding::{Finding, FoundBy};
use crate::rule::Rule;

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
    let finding = |rule, start: proc_macro2::LineColumn, span, message: String| Finding {
        rule,
        path: path.to_owned(),
        line: start.line,
        column: start.column + 1,
        span,
        message,
        help: "spawn it in a scope".to_owned(),
        found_by: FoundBy::Source,
    };
    let file = match syn::parse_file(text) {
        Ok(file) => file,
        Err(e) => {
            return vec![finding(Rule::BrokenSource, e.span().start(), e.span().byte_range(), e.to_string())];
        }
    };
    let mut calls = Calls(Vec::new());
    calls.visit_file(&file);
    let found = calls.0.into_iter();
    found
        .map(|span| {
            finding(Rule::RawThread, span.start(), span.byte_range(), "no scope owns this thread".to_owned())
        })
        .collect()
}

/// A stand-in until the real check is here.
struct Calls(Vec<proc_macro2::Span>);

impl<'a> Visit<'a> for Calls {
    fn visit_path(&mut self, path: &'a syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if names.ends_with(&["thread".to_owned(), "spawn".to_owned()]) {
            self.0.extend(path.segments.last().map(|part| part.ident.span()));
        }
        syn::visit::visit_path(self, path);
    }
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
