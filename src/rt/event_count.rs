//! Owns the count of changes that threads sleep on (an *event count*).
//! Refuses to know what has changed. No wake-up is lost, for the reason that `flags` gives.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::spin::{A_WAKE_UP, spin_until};
use crate::sync::{AtomicU32, Sleepers};

/// A waiter reads the epoch, checks its condition under the lock, unlocks, and calls `wait` with the epoch that it read.
/// So a waiter is never queued on the lock itself.
#[derive(Default)]
pub(crate) struct EventCount {
    count: AtomicU32,
    sleeping: AtomicU32,
    sleepers: Sleepers,
}

impl EventCount {
    /// To be taken before looking at what may change.
    pub(crate) fn epoch(&self) -> u32 {
        self.count.load(Ordering::SeqCst)
    }

    /// To be called after changing it. Pairs with `wait`.
    pub(crate) fn notify(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        match self.sleeping.load(Ordering::SeqCst) {
            0 => {}
            count => self.sleepers.wake(&self.count, count),
        }
    }

    /// Stays awake for a moment, in case there is a change that was not `seen`: whoever made it need not wake us.
    pub(crate) fn spin(&self, seen: u32) {
        spin_until(A_WAKE_UP, || self.epoch() != seen);
    }

    /// Blocks until there is a change that was not `seen`, until `end` at most. Four billion changes at once would be
    /// none.
    pub(crate) fn wait(&self, seen: u32, end: Option<Instant>) {
        self.sleeping.fetch_add(1, Ordering::SeqCst);
        while self.epoch() == seen && !is_past(end) {
            self.sleepers.sleep(&self.count, seen, end);
        }
        self.sleeping.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) fn is_past(end: Option<Instant>) -> bool {
    end.is_some_and(|end| Instant::now() >= end)
}
