//! Owns the notes on a loop while the walk is in it.
//! Refuses to decide whether the loop polls: `rules::polled` does.

use proc_macro2::{Ident, Span};

use crate::check::resolve::flow::Node;

/// A loop around the place where the walk is. The rule `polled-stop` writes and reads the notes.
#[derive(Debug)]
pub(crate) struct Loop {
    /// Where the value of a `break` of the loop goes.
    pub(crate) result: Node,
    pub(crate) label: Option<Ident>,
    /// Variables with this number or a higher one were declared inside of the loop, so that no
    /// other thread can have set them.
    pub(crate) first: usize,
    /// The first call in the loop that sleeps.
    pub(crate) sleeps: Option<Span>,
    /// The loop looks at something that another thread sets.
    pub(crate) looks: bool,
    /// Names of variables and fields that end the loop. Each is a flag, unless the loop itself sets
    /// it.
    pub(crate) asked: Vec<String>,
    /// Names of variables and fields that the loop assigns, or lends mutably.
    pub(crate) given: Vec<String>,
}

impl Loop {
    pub(crate) fn new(result: Node, label: Option<Ident>, first: usize) -> Loop {
        Loop { result, label, first, sleeps: None, looks: false, asked: Vec::new(), given: Vec::new() }
    }
}
