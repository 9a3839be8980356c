//! Owns the number of the helpers of a map: jobs of a pool that work for a caller, and borrow from
//! it. The caller goes on when none of them is left.
//! Refuses to know what a helper does, and how the caller sleeps: the caller leaves a *seat* here,
//! and the drop of the seat wakes it.
//!
//! ```text
//! a helper    counted --(its job is queued)--> known by its number --(it works)--> gone
//!             counted --(the queue refuses it)--> gone
//!             known by its number --(withdrawn, or dropped at a stop)--> gone
//! the list    open --close--> closed      no helper is counted any more
//! ```
//!
//! # Invariants
//!
//! 1. A helper is counted before its job is queued, and counted out as the last thing that it does
//!    for the map. So when the list is closed and the count is zero, no job works for the map, and
//!    none will.
//! 2. Each helper whose job may be in the queue when the list is closed is withdrawn by the caller,
//!    or by the thread that has queued it. `queued` and `close` decide which, under one lock: a
//!    number that comes before the close is the caller's, a later one is that thread's. So the
//!    caller waits for no job that has not begun.
//!
//! **No wake-up is lost.** The caller leaves its seat in the same hold of the lock in which it
//! finds that it must wait. `leave` changes the count, and takes the seat, in one hold.

use crate::sync::Mutex;

pub(crate) struct Helpers<S>(Mutex<List<S>>);

struct List<S> {
    /// Number of helpers that are counted and not gone.
    there: usize,
    /// A helper has gone. Then the source is over, or the map fails, so no other is needed.
    one_is_gone: bool,
    /// Set by `close`, never cleared.
    closed: bool,
    /// The numbers of the jobs that were queued. Written by `queued`, taken by `close`.
    numbers: Vec<u64>,
    /// The seat of the caller, if it sleeps.
    caller: Option<S>,
}

impl<S> Helpers<S> {
    pub(crate) fn new() -> Self {
        let list = List { there: 0, one_is_gone: false, closed: false, numbers: Vec::new(), caller: None };
        Helpers(Mutex::new(list))
    }

    /// Counts one more helper, unless the list is closed. The caller of this calls `leave` once.
    pub(crate) fn enter(&self) -> bool {
        let mut list = self.0.lock();
        // -> counted.
        list.there += usize::from(!list.closed);
        !list.closed
    }

    /// The job of a helper has this number. False if the list was closed meanwhile: then the caller
    /// of this takes the job out of the queue (invariant 2).
    pub(crate) fn queued(&self, number: u64) -> bool {
        let mut list = self.0.lock();
        if !list.closed {
            // Counted -> known.
            list.numbers.push(number);
        }
        !list.closed
    }

    /// A helper has gone. `refused`: the queue has not taken it, so that this says nothing of the
    /// source. Pairs with `is_one_gone` and `are_all_gone`.
    pub(crate) fn leave(&self, refused: bool) {
        let mut list = self.0.lock();
        list.there -= 1;
        let first = !refused && !std::mem::replace(&mut list.one_is_gone, true);
        let woken = if first || list.there == 0 { list.caller.take() } else { None };
        // With the lock free, because the caller looks at once.
        drop(list);
        drop(woken);
    }

    /// No more helpers are counted. Returns the numbers of the jobs that the caller takes out of
    /// the queue, as far as they are there (invariant 2).
    pub(crate) fn close(&self) -> Vec<u64> {
        let mut list = self.0.lock();
        list.closed = true;
        std::mem::take(&mut list.numbers)
    }

    /// True if a helper has gone. Otherwise `seat` is dropped when the first one goes.
    pub(crate) fn is_one_gone(&self, seat: impl FnOnce() -> S) -> bool {
        self.look(|list| list.one_is_gone, seat)
    }

    /// True if no helper is left. Otherwise `seat` is dropped when the last one goes. Called when
    /// the list is closed.
    pub(crate) fn are_all_gone(&self, seat: impl FnOnce() -> S) -> bool {
        self.look(|list| list.there == 0, seat)
    }

    fn look(&self, is_so: impl FnOnce(&List<S>) -> bool, seat: impl FnOnce() -> S) -> bool {
        let mut list = self.0.lock();
        let so = is_so(&list);
        let own = if so { None } else { Some(seat()) };
        let earlier = std::mem::replace(&mut list.caller, own);
        drop(list);
        drop(earlier);
        so
    }
}
