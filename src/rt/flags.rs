//! Owns flags that are only ever set, in a word of memory that threads sleep on until it changes.
//! Refuses to know what the flags mean, and which threads sleep. It counts the sleepers, so that a
//! change for which no thread waits is cheap.
//!
//! **No wake-up is lost.** A sleeper counts itself before it looks at the word. The kernel puts it
//! to sleep only if the word still is what the sleeper saw, and checks that in the same step. So
//! the sleeper sees a change that comes before that step, and a change that comes after it finds
//! the sleeper counted.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::event_count::is_past;
use crate::sync::{AtomicU32, Sleepers};

/// One sleeper in the word. The bits below are the flags; the bits from here upwards are the number
/// of sleepers.
const SLEEPER: u32 = 1 << 8;

pub(crate) struct Flags {
    /// The flags and the number of sleepers. One word, so that all accesses to both have one order.
    /// Written by `set` and by each sleeper, read by all.
    word: AtomicU32,
    sleepers: Sleepers,
}

impl Flags {
    /// Starts with these flags set.
    pub(crate) fn new(flags: u32) -> Flags {
        debug_assert!(flags < SLEEPER, "flags are below the count");
        Flags { word: AtomicU32::new(flags), sleepers: Default::default() }
    }

    #[inline]
    /// Returns flags and sleepers. Acquire pairs with the Release of `set`: a thread that sees a
    /// flag sees all that the setter wrote before.
    pub(crate) fn load(&self) -> u32 {
        self.word.load(Ordering::Acquire)
    }

    /// Sets these flags. `wake` has to follow if threads may sleep until one of them is set. Pairs
    /// with `sleep_while`.
    pub(crate) fn set(&self, flags: u32) {
        self.word.fetch_or(flags, Ordering::AcqRel);
    }

    /// True if a thread is inside `sleep_while`.
    pub(crate) fn has_sleepers(&self) -> bool {
        self.load() >= SLEEPER
    }

    /// Blocks while the flags in `mask` are `before`, until `end` at most. Pairs with `set`, then
    /// `wake`.
    pub(crate) fn sleep_while(&self, mask: u32, before: u32, end: Option<Instant>) {
        self.word.fetch_add(SLEEPER, Ordering::AcqRel);
        loop {
            // After this thread is counted. If a flag is set between this look and the sleep, the
            // word is not `now`, and `sleep` returns at once.
            let now = self.load();
            if now & mask != before || is_past(end) {
                break;
            }
            self.sleepers.sleep(&self.word, now, end);
        }
        self.word.fetch_sub(SLEEPER, Ordering::Release);
    }

    /// Wakes all sleepers, after `set`. Pairs with `sleep_while`.
    pub(crate) fn wake(&self) {
        match self.load() / SLEEPER {
            0 => {}
            count => self.sleepers.wake(&self.word, count),
        }
    }
}
