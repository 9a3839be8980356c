//! Owns who calls whom in a file, and so which of its functions run inside a scope.
//! Refuses to know what follows from that.

use std::collections::HashSet;

use proc_macro2::Span;

use crate::check::state::frame::{Context, Frame};

/// Calls of functions of the file, and ends of the process, as far as it is not clear yet whether a
/// scope is around.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// The process was forked further up in the file.
    pub(crate) forks: bool,
    pub(crate) exits: Vec<(usize, Span, String)>,
    /// Caller and called, and whether the caller has a context at hand if its own caller has.
    calls: Vec<(usize, usize, bool)>,
    /// Called from inside a scope, and whether with a context at hand.
    inside: Vec<(usize, bool)>,
}

impl Reach {
    /// The functions that are called inside a scope, on whatever way; if asked for, only by callers
    /// that have a context at hand.
    pub(crate) fn inside(&self, with_context: bool) -> HashSet<usize> {
        let counts = |has_one: bool| has_one || !with_context;
        let mut left: Vec<_> = self.inside.iter().filter(|(_, one)| counts(*one)).map(|(f, _)| *f).collect();
        let mut inside = HashSet::new();
        while let Some(function) = left.pop() {
            if inside.insert(function) {
                let of_it = self.calls.iter().filter(|(caller, _, one)| *caller == function && counts(*one));
                left.extend(of_it.map(|(_, called, _)| *called));
            }
        }
        inside
    }

    /// Code that runs in `frame` calls a function of this file, or gives it to a function that
    /// will.
    pub(crate) fn called(&mut self, function: usize, frame: &Frame) {
        if frame.in_scope {
            self.inside.push((function, frame.context == Context::Here));
        } else if let Some(caller) = frame.function {
            self.calls.push((caller, function, frame.context != Context::Away));
        }
    }
}
