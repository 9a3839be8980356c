//! Owns who calls whom in a file, and so which of its functions run inside a scope; and the rule `process-exit`, which asks that.
//! Refuses to know which paths end the process: the catalog does.

use std::collections::HashSet;

use proc_macro2::Span;

use super::frame::Context;
use super::walk::Walk;
use crate::rule::Rule;

/// Calls of functions of the file, and ends of the process, as far as it is not clear yet whether a scope is around.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// The process was forked further up in the file.
    pub(super) forks: bool,
    exits: Vec<(usize, Span, String)>,
    /// Caller and called, and whether the caller has a context at hand if its own caller has.
    calls: Vec<(usize, usize, bool)>,
    /// Called from inside a scope, and whether with a context at hand.
    inside: Vec<(usize, bool)>,
}

impl Reach {
    /// The functions that are called inside a scope, on whatever way; if asked for, only by callers that have a context at hand.
    pub(super) fn inside(&self, with_context: bool) -> HashSet<usize> {
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
}

const HELP: &str = "return an error from here, or stop the scope: `registry::run` gives the exit code when every thread is home";

/// A path that ends the process is called, or taken as a function.
pub(super) fn exits(walk: &mut Walk, span: Span, path: &str) {
    // A forked child ends by it alone, and has no thread of the parent's.
    if walk.reach.forks && path.starts_with("libc::_") {
        return;
    }
    let frame = walk.frame();
    if frame.in_scope {
        let message = format!(
            "`{path}` inside a scope: its threads are cut off where they are, and nothing is cleaned up"
        );
        walk.hit(Rule::ProcessExit, span, message, HELP);
    } else if let Some(function) = frame.function {
        walk.reach.exits.push((function, span, path.to_owned()));
    }
}

/// A function of this file is called, or given to be called.
pub(super) fn calls(walk: &mut Walk, function: usize) {
    let frame = walk.frame();
    if frame.in_scope {
        walk.reach.inside.push((function, frame.context == Context::Here));
    } else if let Some(caller) = frame.function {
        walk.reach.calls.push((caller, function, frame.context != Context::Away));
    }
}

impl Walk {
    /// The findings, once all calls of the file are known.
    pub(super) fn settle_exits(&mut self) {
        let inside = self.reach.inside(false);
        for (function, span, path) in std::mem::take(&mut self.reach.exits) {
            if inside.contains(&function) {
                let message = format!(
                    "`{path}` in a function that is called inside a scope: its threads are cut off where they are"
                );
                self.hit(Rule::ProcessExit, span, message, HELP);
            }
        }
    }
}
