//! Owns who calls whom in a file, and so which of its functions run inside a scope; and the rule
//! `process-exit`, which asks that.
//! Refuses to know which paths end the process: the catalog does.

use proc_macro2::Span;

use crate::check::state::Walk;
use crate::finding::rule::Rule;

const HELP: &str = "return an error from here, or stop the scope: `registry::run` gives the exit code when every thread is home";

/// A path that ends the process is called, or taken as a function.
pub(crate) fn exits(walk: &mut Walk, span: Span, path: &str) {
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

/// The findings, once all calls of the file are known.
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
