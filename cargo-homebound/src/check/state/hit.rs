//! Owns the message of a rule at a place of the file.
//! Refuses to know what becomes of it.

use proc_macro2::Span;

use crate::finding::rule::Rule;

/// The message of a rule at a place, before it becomes a finding.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) rule: Rule,
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) help: &'static str,
}
