//! Owns the callers that wait for a place in the queue of a pool, or until the pool is idle.
//! Refuses to decide whether there is a place, and to wake: `state` does the one, `parts` the
//! other.
//!
//! ```text
//! waiting --take_first--> coming --came--> (takes the place, or waits again, in front)
//! ```

use std::collections::VecDeque;
use std::mem::take;

/// All of it is guarded by the lock of the line.
pub(super) struct Callers<W> {
    /// Callers that wait for a place, the first to be woken in front. By a key, so that a caller
    /// that gives up finds its own.
    pub(super) waiting: VecDeque<(u64, W)>,
    /// Callers that were woken for a place and have not come for it.
    pub(super) coming: usize,
    /// Callers that wait until the pool is idle.
    pub(super) watching: Vec<(u64, W)>,
    /// The key of the last caller that waited.
    last_key: u64,
}

impl<W> Callers<W> {
    pub(super) fn new() -> Callers<W> {
        Callers { waiting: VecDeque::new(), coming: 0, watching: Vec::new(), last_key: 0 }
    }

    #[inline]
    pub(super) fn wait_for_places(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// True if no caller waits for a place, and none was woken for one.
    pub(super) fn no_place_is_due(&self) -> bool {
        self.waiting.is_empty() && self.coming == 0
    }

    /// Waiting -> coming: one caller for each place, so that they come in the order in which they
    /// waited.
    pub(super) fn take_first(&mut self) -> Option<(u64, W)> {
        // Waiting -> coming: the place is meant for this caller. Until it has come, `settle` wakes
        // the next caller only for one place more.
        self.coming += 1;
        self.waiting.pop_front()
    }

    /// No place will be free any more.
    pub(super) fn take_all(&mut self) -> VecDeque<(u64, W)> {
        take(&mut self.waiting)
    }

    /// A caller that was woken for a place has come for it, or gives up.
    pub(super) fn came(&mut self) {
        // Coming -> here. Saturating, because a caller that a close has woken was never counted.
        self.coming = self.coming.saturating_sub(1);
    }

    /// Enters a caller that waits for a place; first, if it was woken before and was too late.
    pub(super) fn wait(&mut self, waker: W, first: bool) -> u64 {
        self.last_key += 1;
        // A caller that was woken and has found the place taken keeps its turn.
        if first {
            self.waiting.push_front((self.last_key, waker));
        } else {
            self.waiting.push_back((self.last_key, waker));
        }
        self.last_key
    }

    /// Enters a caller that waits until the pool is idle.
    pub(super) fn watch(&mut self, waker: W) -> u64 {
        self.last_key += 1;
        self.watching.push((self.last_key, waker));
        self.last_key
    }

    /// A caller gives up. If it was woken already, `settle` wakes the next one.
    pub(super) fn forget(&mut self, key: u64) -> Option<W> {
        // Still in a list: not woken.
        if let Some(place) = self.watching.iter().position(|(own, _)| *own == key) {
            return Some(self.watching.swap_remove(place).1);
        }
        match self.waiting.iter().position(|(own, _)| *own == key) {
            Some(place) => self.waiting.remove(place).map(|(_, waker)| waker),
            None => {
                self.came();
                None
            }
        }
    }
}
