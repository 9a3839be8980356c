//! Owns what a function or a closure runs in: whether a scope is around it, whether a context is at
//! hand, where its result goes.
//! Refuses to know how that is found out.

use crate::check::resolve::flow::Node;

/// What a function or a closure runs in.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// A scope of homebound's is open around it.
    pub(crate) in_scope: bool,
    /// Whether a context is at hand, or a scope to ask for one.
    pub(crate) context: Context,
    /// Where its result goes.
    pub(crate) result: Node,
    /// Which function of the file it is, or is in.
    pub(crate) function: Option<usize>,
    /// The stop wakes a thread that waits in it.
    pub(crate) woken: bool,
    /// It asks for what turns ready at the stop, to put that among what it waits for.
    pub(crate) listens: bool,
}

/// Whether there is a context to wait through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    Here,
    /// Not here, but the caller may have one.
    AtCaller,
    /// What runs here is out of reach of any.
    Away,
}

impl Frame {
    pub(crate) fn of(function: Option<usize>, context: Context) -> Frame {
        Frame { in_scope: false, context, result: Node::HOME, function, woken: false, listens: false }
    }
}
