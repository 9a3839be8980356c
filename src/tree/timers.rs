//! Owns the times that a root keeps, as data: deadlines and shields whose end must be marked by a
//! thread, and interrupts that are in doubt.
//! Refuses to mark, to deliver, and to start a thread: `keeper` does.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::stop::calls::Calls;
use crate::stop::condvar::interrupt::Interrupt;
use crate::stop::node::Node;
use crate::sync::{AtomicBool, Condvar, Mutex};

/// Deadlines that are waited for without a time-out of the waiter's own, and interrupts that the
/// thread which keeps the time must deliver: *watch*, or the keeper of a standalone root.
#[derive(Default)]
pub(crate) struct Timers {
    pub(super) state: Mutex<TimerState>,
    /// Notified when the earliest deadline, the interrupts, or the state of the keeper changed.
    pub(super) due: Condvar,
    /// Set when a deadline was armed, or due ones were taken out. Read and cleared by *watch*,
    /// which does not take the lock for nothing.
    pub(super) news: AtomicBool,
    /// Set when an interrupt is in doubt. Read and cleared by *watch* as well.
    pub(super) doubtful: AtomicBool,
}

#[derive(Default)]
pub(super) struct TimerState {
    /// Sorted by instant and key of the node. Most deadlines are armed in that order, so they are
    /// added at the end. Written by `arm` and `disarm`, emptied by `take_due`.
    pub(super) waiting: Vec<(Instant, u64, Weak<Node>)>,
    /// Interrupts in doubt, to be delivered by the thread that keeps the time.
    pub(super) unconfirmed: Vec<Arc<Interrupt>>,
    /// A standalone root has a keeper that is not calling.
    pub(super) running: bool,
    /// A thread asks the OS for a keeper, with the lock free.
    pub(super) starting: bool,
    /// A former keeper runs calls, which may wait for a waiter that is to be interrupted.
    pub(super) calling: bool,
    /// The calls that it runs next.
    pub(super) calls: Calls,
    /// Set by `close_keeper`, for ever: no keeper is started any more.
    pub(super) closed: bool,
}

impl TimerState {
    /// The earliest deadline.
    pub(super) fn first(&self) -> Option<Instant> {
        self.waiting.first().map(|(at, ..)| *at)
    }

    /// The place of this deadline among `waiting`, or the place where it belongs.
    pub(super) fn place(&self, at: Instant, key: u64) -> Result<usize, usize> {
        self.waiting.binary_search_by(|(its_at, its_key, _)| (*its_at, *its_key).cmp(&(at, key)))
    }

    /// True if no keeper runs or is on its way, and one may be started.
    pub(super) fn lacks_a_thread(&self) -> bool {
        !(self.running || self.starting || self.closed)
    }
}

impl Timers {
    pub(crate) fn take_doubts(&self) -> Vec<Arc<Interrupt>> {
        std::mem::take(&mut self.state.lock().unconfirmed)
    }

    /// For *watch*: true if interrupts may be in doubt. Pairs with `retry_later`.
    pub(crate) fn has_doubts(&self) -> bool {
        self.doubtful.swap(false, Ordering::AcqRel)
    }

    /// For *watch*: true if the earliest deadline may have changed. Pairs with `arm` and
    /// `Root::take_due`.
    pub(crate) fn has_news(&self) -> bool {
        self.news.swap(false, Ordering::AcqRel)
    }

    /// The earliest deadline.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.state.lock().first()
    }

    /// Takes out the nodes that are due. Returns them, and the earliest deadline that is left.
    pub(crate) fn take_due(&self, now: Instant) -> (Vec<Weak<Node>>, Option<Instant>) {
        let mut state = self.state.lock();
        let end = state.waiting.partition_point(|(at, ..)| *at <= now);
        let due = state.waiting.drain(..end).map(|(.., node)| node).collect();
        (due, state.first())
    }
}
