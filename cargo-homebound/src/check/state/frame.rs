//! Owns the surroundings of the code of one function or closure: a scope, a context, the threads on
//! which it runs, the place of its result.
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
    /// The threads on which the code runs.
    pub(crate) host: Host,
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
    /// The code has polled the events of the terminal, so a later read of an event does not wait.
    pub(crate) polled: bool,
}

/// Whether code can reach a context, through which it could wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    /// A variable is a context, or a scope that gives one.
    Here,
    /// No variable is a context, but a caller in this file may have one. The call graph decides at
    /// the end of the file.
    AtCaller,
    /// The code runs where no context is valid: in a raw thread, or in a callback of a stop.
    Away,
}

/// The threads on which code runs, as far as the file says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// The threads of the callers: the call graph decides at the end.
    Callers,
    /// A thread of a scope of homebound's.
    Scope,
    /// A pool of rayon's that is no global pool: the code is given to `install`.
    Rayon,
    /// A runtime of tokio's that a thread of a scope owns: the code is given to `block_on_tokio`.
    Tokio,
    /// A thread that no scope owns, or code that no function has.
    Raw,
}

impl Frame {
    pub(crate) fn of(function: Option<usize>, context: Context) -> Frame {
        let host = if function.is_some() { Host::Callers } else { Host::Raw };
        Frame {
            in_scope: false,
            context,
            host,
            result: Node::HOME,
            function,
            woken: false,
            listens: false,
            polled: false,
        }
    }
}
