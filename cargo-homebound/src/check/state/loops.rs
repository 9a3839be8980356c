//! Owns what is remembered of a loop until it ends.
//! Refuses to decide whether the loop polls: `rules::polled` does.

use proc_macro2::{Ident, Span};

use crate::check::resolve::flow::Node;

/// A loop that the walk is in.
#[derive(Debug)]
pub(crate) struct Loop {
    /// Where the value of its `break` goes.
    pub(crate) result: Node,
    pub(crate) label: Option<Ident>,
    /// Variables from here on were declared in it.
    pub(crate) first: usize,
    pub(crate) sleeps: Option<Span>,
    pub(crate) looks: bool,
    /// Names that it ends by, which could be its own.
    pub(crate) asked: Vec<String>,
    /// Names that it gives values to.
    pub(crate) given: Vec<String>,
}

impl Loop {
    pub(crate) fn new(result: Node, label: Option<Ident>, first: usize) -> Loop {
        Loop { result, label, first, sleeps: None, looks: false, asked: Vec::new(), given: Vec::new() }
    }
}
