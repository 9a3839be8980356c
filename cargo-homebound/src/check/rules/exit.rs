//! Owns the rule `process-exit`: ends of the process inside a scope.
//! Refuses to know which paths end the process, which the catalog does, and which functions run
//! inside a scope, which `state::reach` does.

use proc_macro2::Span;

use crate::check::state::Walk;
use crate::finding::rule::Rule;

const HELP: &str = "return an error from here, or stop the scope: `registry::run` gives the exit code when every thread is home";

/// A path that ends the process is called, or used as a function.
pub(crate) fn exits(walk: &mut Walk, span: Span, path: &str) {
    // `_exit` is the only right end of a forked child, in which no thread of the parent runs.
    if walk.reach.forks && path.starts_with("libc::_") {
        return;
    }
    let frame = walk.frame();
    if frame.in_scope {
        let message = format!(
            "`{path}` inside a scope: its threads are cut off where they are, and nothing is cleaned up"
        );
        walk.hit(Rule::ProcessExit, span, message, HELP);
    // A function without a scope of its own: `main` may end the process, a function that a scope
    // calls may not.
    } else if let Some(function) = frame.function {
        walk.reach.exits.push((function, span, path.to_owned()));
    }
}

/// Decides about ends of the process in functions, now that all calls of the file are known.
pub(crate) fn settle_exits(walk: &mut Walk) {
    let inside = walk.reach.inside(false);
    for (function, span, path) in std::mem::take(&mut walk.reach.exits) {
        if inside.contains(&function) {
            let message = format!(
                "`{path}` in a function that is called inside a scope: its threads are cut off where they are"
            );
            walk.hit(Rule::ProcessExit, span, message, HELP);
        }
    }
}
