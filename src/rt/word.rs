//! Owns words of memory that threads sleep on until they change: flags that are only ever set, and a count of changes.
//! Refuses to know what they mean, and who sleeps: it counts the sleepers, so that a change that nobody waits for is cheap.
//!
//! No wake-up is lost: a sleeper is counted before it looks at the word, and goes to sleep only if the word still is what it
//! saw, checked in one step. A change that comes before that step is seen by it; one that comes after finds the sleeper
//! counted.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::look::{A_WAKE_UP, look_for};
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

/// Those who wait for something under a lock look at it, unlock, and sleep here: nobody sleeps on a lock's other side.
#[derive(Default)]
pub(crate) struct Changes {
    count: AtomicU32,
    sleeping: AtomicU32,
    sleepers: Sleepers,
}

impl Changes {
    /// To be taken before looking at what may change.
    pub(crate) fn seen(&self) -> u32 {
        self.count.load(Ordering::SeqCst)
    }

    /// To be called after changing it. Pairs with `sleep`.
    pub(crate) fn note(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        match self.sleeping.load(Ordering::SeqCst) {
            0 => {}
            count => self.sleepers.wake(&self.count, count),
        }
    }

    /// Stays awake for a moment, in case there is a change that was not `seen`: whoever made it need not wake us.
    pub(crate) fn look_out(&self, seen: u32) {
        look_for(A_WAKE_UP, || self.seen() != seen);
    }

    /// Blocks until there is a change that was not `seen`, until `end` at most. Four billion changes at once would be
    /// none.
    pub(crate) fn sleep(&self, seen: u32, end: Option<Instant>) {
        self.sleeping.fetch_add(1, Ordering::SeqCst);
        while self.seen() == seen && !is_past(end) {
            self.sleepers.sleep(&self.count, seen, end);
        }
        self.sleeping.fetch_sub(1, Ordering::SeqCst);
    }
}

fn is_past(end: Option<Instant>) -> bool {
    end.is_some_and(|end| Instant::now() >= end)
}
