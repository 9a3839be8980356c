//! Owns the rule `process-exit`: ends of the process inside a scope, also by way of functions of the same file.
//! Refuses to know which paths end it: the catalog does.

use std::collections::HashSet;

use proc_macro2::Span;

use super::walk::Walk;
use crate::rule::Rule;

/// Ends of the process, and who calls whom, as far as it is not clear yet whether a scope is around.
#[derive(Debug, Default)]
pub(super) struct Exits {
    met: Vec<(usize, Span, String)>,
    calls: Vec<(usize, usize)>,
    inside: Vec<usize>,
}

const HELP: &str = "return an error from here, or stop the scope: `registry::run` gives the exit code when every thread is home";

/// A path that ends the process is called, or taken as a function.
pub(super) fn met(walk: &mut Walk, span: Span, path: &str) {
    let frame = walk.frame();
    if frame.in_scope {
        let message = format!(
            "`{path}` inside a scope: its threads are cut off where they are, and nothing is cleaned up"
        );
        walk.hit(Rule::ProcessExit, span, message, HELP);
    } else if let Some(function) = frame.function {
        walk.exits.met.push((function, span, path.to_owned()));
    }
}

/// A function of this file is called.
pub(super) fn calls(walk: &mut Walk, function: usize) {
    let frame = walk.frame();
    if frame.in_scope {
        walk.exits.inside.push(function);
    } else if let Some(caller) = frame.function {
        walk.exits.calls.push((caller, function));
    }
}

impl Walk {
    /// What has to be said when all calls are known.
    pub(super) fn settle_exits(&mut self) {
        let exits = std::mem::take(&mut self.exits);
        let mut left = exits.inside;
        let mut inside = HashSet::new();
        while let Some(function) = left.pop() {
            if inside.insert(function) {
                left.extend(
                    exits.calls.iter().filter(|(caller, _)| *caller == function).map(|(_, called)| *called),
                );
            }
        }
        for (function, span, path) in exits.met {
            if inside.contains(&function) {
                let message = format!(
                    "`{path}` in a function that is called inside a scope: its threads are cut off where they are"
                );
                self.hit(Rule::ProcessExit, span, message, HELP);
            }
        }
    }
}
