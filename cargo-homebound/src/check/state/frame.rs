//! Owns the surroundings of the code of one function or closure: a scope, a context, the place of
//! its result.
//! Refuses to know how that is found out.

use crate::check::resolve::flow::Node;

/// The surroundings of the code of one function or closure. The walk pushes one when it enters, and
/// pops it when it leaves.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// A scope of homebound is open around this code.
    pub(crate) in_scope: bool,
    /// Whether the code can reach a context.
    pub(crate) context: Context,
    /// Where the result goes.
    pub(crate) result: Node,
    /// The function of this file that the code is, or stands in: its number in `Declared::fns`.
    pub(crate) function: Option<usize>,
    /// The code registers a callback with `on_stop`, which wakes the thread that waits here. Then
    /// no wait here is deaf.
    pub(crate) woken: bool,
    /// The code asks for a stop descriptor or signal, to wait for it together with others. Then a
    /// wait for several things at once is not deaf.
    pub(crate) listens: bool,
}

/// Whether code can reach a context, through which it could wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    /// A variable is a context, or a scope that gives one.
    Here,
    /// No variable is one, but a caller in this file may have one: the call graph decides at the
    /// end.
    AtCaller,
    /// The code runs where no context is valid: in a raw thread, or in a callback of a stop.
    Away,
}

impl Frame {
    pub(crate) fn of(function: Option<usize>, context: Context) -> Frame {
        Frame { in_scope: false, context, result: Node::HOME, function, woken: false, listens: false }
    }
}
