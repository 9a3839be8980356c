//! Owns flags that are only ever set, in a word of memory that threads sleep on until it changes.
//! Refuses to know what the flags mean, and which threads sleep: it counts the sleepers, so that a change for which no
//! thread waits is cheap.
//!
//! No wake-up is lost. A sleeper counts itself before it looks at the word, and the kernel puts it to sleep only if the
//! word still is what the sleeper saw, checked in one step. So the sleeper sees a change that comes before that step, and
//! a change that comes after it finds the sleeper counted.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::event_count::is_past;
use crate::sync::{AtomicU32, Sleepers};

/// In `Flags`, the flags are below it; the number of sleepers is from it upwards.
const SLEEPER: u32 = 1 << 8;

pub(crate) struct Flags {
    word: AtomicU32,
    sleepers: Sleepers,
}

impl Flags {
    pub(crate) fn new(flags: u32) -> Flags {
        debug_assert!(flags < SLEEPER, "flags are below the count");
        Flags { word: AtomicU32::new(flags), sleepers: Default::default() }
    }

    #[inline]
    pub(crate) fn load(&self) -> u32 {
        self.word.load(Ordering::Acquire)
    }

    /// If others sleep until one of these is set, `wake` has to follow.
    pub(crate) fn set(&self, flags: u32) {
        self.word.fetch_or(flags, Ordering::AcqRel);
    }

    pub(crate) fn has_sleepers(&self) -> bool {
        self.load() >= SLEEPER
    }

    /// Blocks while the flags in `mask` are `before`, until `end` at most.
    pub(crate) fn sleep_while(&self, mask: u32, before: u32, end: Option<Instant>) {
        self.word.fetch_add(SLEEPER, Ordering::AcqRel);
        loop {
            let now = self.load();
            if now & mask != before || is_past(end) {
                break;
            }
            self.sleepers.sleep(&self.word, now, end);
        }
        self.word.fetch_sub(SLEEPER, Ordering::Release);
    }

    /// Wakes all who sleep. Pairs with `sleep_while`.
    pub(crate) fn wake(&self) {
        match self.load() / SLEEPER {
            0 => {}
            count => self.sleepers.wake(&self.word, count),
        }
    }
}
