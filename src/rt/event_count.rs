//! Owns the count of changes that threads sleep on (an *event count*).
//! Refuses to know what has changed.
//!
//! ```text
//! sleeper   epoch;  look at the condition;         sleeping += 1;  sleep while count == epoch
//! waker     change what the condition reads;       count += 1;     wake if sleeping > 0
//! ```
//!
//! **No wake-up is lost.** A change that precedes the look is seen by the look. A change that
//! follows it raises the count above the epoch. Then either the sleeper finds the new count and
//! does not sleep, or the waker finds the sleeper counted and wakes it. Both do first and look
//! second with SeqCst, so at least one of them sees what the other did.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::spin::{A_WAKE_UP, spin_until};
use crate::sync::{AtomicU32, Sleepers};

/// A waiter reads the epoch, checks its condition (under a lock, if the condition needs one),
/// unlocks, and calls `wait` with the epoch that it read. So a waiter never sleeps with the lock
/// held.
#[derive(Default)]
pub(crate) struct EventCount {
    /// Changes so far, modulo 2^32. Raised by `notify`, read by `epoch`; the word that threads
    /// sleep on.
    count: AtomicU32,
    /// Threads that are inside `wait`. Written by each of them, read by `notify`.
    sleeping: AtomicU32,
    /// Puts threads to sleep on `count`, and wakes them.
    sleepers: Sleepers,
}

impl EventCount {
    /// Returns the count of changes. Call it before the look at the condition: `wait` then misses
    /// no change that follows the look.
    pub(crate) fn epoch(&self) -> u32 {
        self.count.load(Ordering::SeqCst)
    }

    /// Notes a change. Call it after the change. Pairs with `wait`.
    pub(crate) fn notify(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        // Ordered after `fetch_add` by SeqCst. Pairs with `wait`, which is counted as sleeping
        // before it reads the count.
        match self.sleeping.load(Ordering::SeqCst) {
            0 => {}
            count => self.sleepers.wake(&self.count, count),
        }
    }

    /// Polls for a moment for a change after `seen`. If one comes, its maker need not wake this
    /// thread.
    pub(crate) fn spin(&self, seen: u32) {
        spin_until(A_WAKE_UP, || self.epoch() != seen);
    }

    /// Blocks until a change after epoch `seen`, or until `end`. Pairs with `notify`. After exactly
    /// 2^32 changes the count is `seen` again, and the changes go unnoticed.
    pub(crate) fn wait(&self, seen: u32, end: Option<Instant>) {
        self.sleeping.fetch_add(1, Ordering::SeqCst);
        // Ordered after `fetch_add` by SeqCst. Pairs with `notify`, which raises the count before
        // it reads `sleeping`. The sleep itself is entered only if the count still is `seen`, which
        // the kernel checks in the same step.
        while self.epoch() == seen && !is_past(end) {
            self.sleepers.sleep(&self.count, seen, end);
        }
        self.sleeping.fetch_sub(1, Ordering::SeqCst);
    }
}

/// True if `end` is over. `None` is never over.
pub(super) fn is_past(end: Option<Instant>) -> bool {
    end.is_some_and(|end| Instant::now() >= end)
}
