//! Owns the rule `detached-thread`: which join handles are lost.
//! Refuses to follow values, which `resolve::flow` does, and to know methods, which
//! `resolve::passage` does.

use proc_macro2::Span;

use crate::check::resolve::flow::Node;
use crate::check::resolve::types::{self, Ty};
use crate::check::state::Walk;
use crate::finding::rule::Rule;

/// Whether a value of this type detaches its thread or task when it is dropped. A scoped handle
/// does not: its scope joins.
pub(crate) fn is_handle(ty: &Ty) -> bool {
    [types::JOIN_HANDLE, types::TOKIO_HANDLE, types::ASYNC_STD_HANDLE].iter().any(|handle| ty.is(handle))
}

/// The join handle of a thread that a value is or holds.
pub(crate) fn held(ty: &Ty) -> Option<Ty> {
    match ty {
        Ty::Many(one) => held(one),
        Ty::Tuple(all) => all.iter().find_map(held),
        ty => ty.is(types::JOIN_HANDLE).then(|| ty.clone()),
    }
}

const HELP: &str =
    "join it on every way out, return it, or let a scope own it: `scope.spawn(name, purpose, |cx| ..)`";

/// A call at `span` gives a handle, which goes `into`.
pub(crate) fn handle(walk: &mut Walk, span: Span, into: Node, ty: &Ty) {
    // A node of its own, because the value may have more than one way from here.
    let node = walk.flow.before(into);
    let what = if ty.is(types::JOIN_HANDLE) { "thread" } else { "task" };
    walk.handles.push((span, node, format!("this {what} is detached: nothing joins its handle")));
}

/// Decides about the handles of the file, now that all ways of values are known.
pub(crate) fn settle_handles(walk: &mut Walk) {
    // A closure that this file never calls is called elsewhere, and its result may be joined there.
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
    // It detaches without a handle of std.
    if path == "libc::pthread_detach" {
        let message = "`pthread_detach` lets the thread go: nothing can join it".to_owned();
        walk.hit(Rule::DetachedThread, span, message, HELP);
    }
}
