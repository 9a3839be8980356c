//! Owns the text of what a thread does: its state, its wait, the kernel's view.
//! Refuses to say which thread a wait is for: `whom` does.

use std::fmt;

use crate::outcome::dump::tree::{Row, Tree};
use crate::outcome::dump::whom::write_whom;
use crate::outcome::status::{Role, ThreadState, WaitStatus};
use crate::outcome::words::{Kernel, NotReady, Span};
use crate::rt::shown::Shown;

/// Writes the state of a thread. If the thread is in no wait of homebound's, the kernel says
/// what it does, if the kernel was asked.
pub(crate) fn write_state(f: &mut fmt::Formatter<'_>, tree: &Tree<'_>, row: Row<'_>) -> fmt::Result {
    let Row { scope, thread, inside } = row;
    match (thread.state, thread.starting_for) {
        (ThreadState::Ended, _) => return f.write_str("ended"),
        (ThreadState::Starting, None) => return f.write_str("starting"),
        // What the thread does meanwhile follows.
        (ThreadState::Starting, Some(since)) => write!(f, "{}, ", NotReady(since))?,
        (ThreadState::Down, _) if thread.wait.is_none() => return f.write_str("down"),
        // What its supervisor waits for before the next run follows.
        (ThreadState::Down, _) => f.write_str("down, ")?,
        (ThreadState::Running | ThreadState::Waiting { .. }, _) => {}
    }
    let kernel = Kernel(thread.run_state, thread.kernel.as_ref());
    let Some(WaitStatus { what, at }) = thread.wait else {
        // No wait of homebound's: the thread runs the body of the last scope that it opened, or
        // the kernel knows what it does.
        return match inside {
            Some(inner) => write!(f, "runs the body of {}", Shown(&inner.path)),
            None => write!(f, "{kernel}"),
        };
    };
    write!(f, "waits: {}", Shown(what))?;
    write_whom(f, tree, scope, thread, what)?;
    if let Some(left) = thread.pause_left {
        write!(f, " {}, {} left", thread.run + 1, Span(left))?;
    }
    // The wait of an internal thread is at a line of homebound's, which tells a reader nothing.
    if thread.role != Role::Internal {
        write!(f, " at {at}")?;
    }
    if let Some(since) = thread.waiting_for {
        write!(f, " for {}", Span(since))?;
    }
    // Most waits of ours are a futex in the kernel, which adds nothing to the wait.
    let call = thread.kernel.as_ref().and_then(|kernel| kernel.call.as_deref());
    if call.is_some_and(|call| call != "futex") { write!(f, ", {kernel}") } else { Ok(()) }
}
