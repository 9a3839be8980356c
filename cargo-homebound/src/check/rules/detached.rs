//! Owns the rule `detached-thread`: which methods hand a join handle on, which only look at it,
//! which handles are lost.
//! Refuses to follow values: `flow` does.

use proc_macro2::Span;

use crate::check::resolve::flow::Node;
use crate::check::resolve::types::{self, Ty};
use crate::check::state::Walk;
use crate::finding::rule::Rule;

/// Whether a value of this type lets its thread or task go when it is dropped.
pub(crate) fn is_handle(ty: &Ty) -> bool {
    [types::JOIN_HANDLE, types::TOKIO_HANDLE, types::ASYNC_STD_HANDLE].iter().any(|handle| ty.is(handle))
}

const HELP: &str =
    "join it on every way out, return it, or let a scope own it: `scope.spawn(name, purpose, |cx| ..)`";

/// A handle has come to be at `span`, and goes `into`.
pub(crate) fn handle(walk: &mut Walk, span: Span, into: Node, ty: &Ty) {
    let node = walk.flow.before(into);
    let what = if ty.is(types::JOIN_HANDLE) { "thread" } else { "task" };
    walk.handles.push((span, node, format!("this {what} is detached: nothing joins its handle")));
}

/// What has to be said when the walk is over.
pub(crate) fn settle_handles(walk: &mut Walk) {
    for (result, called) in std::mem::take(&mut walk.closures) {
        if !called {
            walk.flow.edge(result, Node::HOME);
        }
    }
    for (span, node, message) in std::mem::take(&mut walk.handles) {
        if !walk.flow.comes_home(node) {
            walk.hit(Rule::DetachedThread, span, message, HELP);
        }
    }
}

pub(crate) fn function(walk: &mut Walk, path: &str, span: Span) {
    if path == "libc::pthread_detach" {
        let message = "`pthread_detach` lets the thread go: nothing can join it".to_owned();
        walk.hit(Rule::DetachedThread, span, message, HELP);
    }
}
