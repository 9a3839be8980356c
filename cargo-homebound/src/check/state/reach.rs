//! Owns the calls between the functions of a file, and so which of them run inside a scope.
//! Refuses to know what follows from that.

use std::collections::HashSet;

use proc_macro2::Span;

use crate::check::state::frame::{Context, Frame};

/// Calls of functions of the file, and ends of the process that count if their function is called
/// inside a scope.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// The file has called `fork` further up. Its child may end the process.
    pub(crate) forks: bool,
    /// The function that ends the process, where, and by which path. `rules::exit` writes and reads
    /// these.
    pub(crate) exits: Vec<(usize, Span, String)>,
    /// Caller, function that is called, and whether a context of the caller's own caller is at hand
    /// at the call.
    calls: Vec<(usize, usize, bool)>,
    /// Functions that are called inside a scope, and whether a context is at hand at the call.
    inside: Vec<(usize, bool)>,
}

impl Reach {
    /// The functions that run inside a scope, through any chain of calls. `with_context`: only
    /// through calls at which a context is at hand.
    pub(crate) fn inside(&self, with_context: bool) -> HashSet<usize> {
        let counts = |has_one: bool| has_one || !with_context;
        let mut left: Vec<_> = self.inside.iter().filter(|(_, one)| counts(*one)).map(|(f, _)| *f).collect();
        let mut inside = HashSet::new();
        // Each function once, so that functions which call each other end.
        while let Some(function) = left.pop() {
            if inside.insert(function) {
                let of_it = self.calls.iter().filter(|(caller, _, one)| *caller == function && counts(*one));
                left.extend(of_it.map(|(_, called, _)| *called));
            }
        }
        inside
    }

    /// Notes that code in `frame` calls a function of this file, or gives it to a function that
    /// will.
    pub(crate) fn called(&mut self, function: usize, frame: &Frame) {
        if frame.in_scope {
            // Certain now: the caller is inside a scope.
            self.inside.push((function, frame.context == Context::Here));
        } else if let Some(caller) = frame.function {
            // Known at the end: whether the caller is called inside a scope.
            self.calls.push((caller, function, frame.context != Context::Away));
        }
    }
}
