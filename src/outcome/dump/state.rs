//! Owns the text of what a thread does: its state, its wait, the kernel's view.
//! Refuses to say which thread a wait is for: `whom` does.

use std::fmt;

use crate::outcome::dump::items::{Row, Tree, is_caller};
use crate::outcome::dump::whom::write_whom;
use crate::outcome::status::edge::Held;
use crate::outcome::status::kernel::KernelStatus;
use crate::outcome::status::labels::Kernel;
use crate::outcome::status::snapshot::{Role, ThreadState, ThreadStatus, WaitStatus};
use crate::outcome::words::{IN_THE_KERNEL, ITS_CALLBACK, NotReady, Span};
use crate::rt::shown::Shown;

/// What a text leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Nothing.
    All,
    /// Times, and what else tells threads apart that are alike: the note, the job, the object of a
    /// system call.
    Alike,
}

/// What a thread does.
#[derive(Clone, Copy)]
pub(crate) struct Doing<'t, 'a> {
    pub(crate) tree: &'t Tree<'a>,
    pub(crate) row: Row<'a>,
    pub(crate) detail: Detail,
}

impl Doing<'_, '_> {
    /// Writes the state of the thread. If the thread is in no wait of homebound's, the kernel says
    /// what it does, if the kernel was asked.
    pub(crate) fn write_state(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Doing { row: Row { thread, inside, .. }, detail, .. } = *self;
        match (thread.state, thread.starting_for) {
            (ThreadState::Ended, _) => return f.write_str("ended"),
            (ThreadState::Starting, None) => return f.write_str("starting"),
            // The text goes on with the present wait or work of the thread.
            (ThreadState::Starting, Some(since)) if detail == Detail::All => {
                write!(f, "{}, ", NotReady(since))?;
            }
            (ThreadState::Starting, Some(_)) => f.write_str("starting (not ready), ")?,
            (ThreadState::Down, _) if thread.wait.is_none() => return f.write_str("down"),
            // The text goes on with the wait of the supervisor before the next run.
            (ThreadState::Down, _) => f.write_str("down, ")?,
            (ThreadState::Running | ThreadState::Waiting { .. }, _) => {}
        }
        match (thread.wait, inside) {
            (Some(wait), _) => self.write_wait(f, wait),
            // No wait of homebound's: the thread runs the body of the last scope that it opened, or
            // the kernel knows what it does.
            (None, Some(inner)) if detail == Detail::All => {
                write!(f, "runs the body of {}", Shown(&inner.path))
            }
            (None, Some(_)) => f.write_str("runs the body of a scope"),
            (None, None) => self.write_kernel(f),
        }
    }

    fn write_wait(&self, f: &mut fmt::Formatter<'_>, wait: WaitStatus) -> fmt::Result {
        let Doing { tree, row: Row { scope, thread, .. }, detail } = *self;
        let WaitStatus { what, at, .. } = wait;
        let is_all = detail == Detail::All;
        // The rows of threads that are alike begin with their number, which the wait follows.
        write!(f, "{}{}", if is_all { "waits: " } else { "" }, Shown(what))?;
        write_whom(f, tree, scope, thread, what)?;
        if let Some(left) = thread.pause_left.filter(|_| is_all) {
            write!(f, " {}, {} left", thread.run + 1, Span(left))?;
        }
        // The wait of an internal thread is at a line of homebound's, which tells a reader nothing,
        // and a wait for a callback has no line.
        if thread.role != Role::Internal && what != ITS_CALLBACK {
            write!(f, " at {at}")?;
        }
        if let Some(since) = thread.waiting_for.filter(|_| is_all) {
            write!(f, " for {}", Span(since))?;
        }
        // Most waits of ours are a futex in the kernel, which adds nothing to the wait.
        let call = thread.kernel.as_ref().and_then(|kernel| kernel.call.as_deref());
        if call.is_none_or(|call| call == "futex") {
            return write!(f, "{}", held(thread));
        }
        f.write_str(", ")?;
        self.write_kernel(f)
    }

    fn write_kernel(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thread = self.row.thread;
        if is_caller(thread) && thread.role != Role::Internal {
            return f.write_str("running, and takes this snapshot");
        }
        let is_unseen = |limit: &String| limit.starts_with(IN_THE_KERNEL);
        if thread.run_state.is_none() && self.tree.snapshot.limits.iter().any(is_unseen) {
            // The reason is among the limits, once.
            return write!(f, "{}; what it does is not seen", Kernel(None, None));
        }
        if self.detail == Detail::All {
            write!(f, "{}", Kernel(thread.run_state, thread.kernel.as_ref()))?;
            // An alarm tells the time itself.
            let asleep = thread.asleep_for.filter(|_| thread.alarm.is_none());
            asleep.iter().try_for_each(|age| write!(f, " for at least {}", Span(*age)))?;
            thread.cpu.iter().try_for_each(|cpu| write!(f, ", cpu {}", Span(*cpu)))?;
        } else {
            // The object of the call is mostly a descriptor, and each of the threads has its own.
            let brief = thread.kernel.clone().map(|kernel| KernelStatus { about: None, ..kernel });
            write!(f, "{}", Kernel(thread.run_state, brief.as_ref()))?;
        }
        write!(f, "{}", held(thread))
    }
}

fn held(thread: &ThreadStatus) -> Held<'_> {
    Held { own: thread.id, waits_for: &thread.waits_for, wants: thread.wants.as_ref() }
}
