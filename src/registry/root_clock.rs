//! Owns the clock of the root as *watch* reads it: words, because the holder of the root's lock may
//! be stuck.
//! Refuses to decide when the clock begins: the root's own clock does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::rt::awake;
use crate::rt::time::after;
use crate::tree::grace::Clock;

/// The clock of the root as *watch* reads it: without the root's lock, whose holder may be stuck.
/// Words are nanoseconds since `base`, plus one; 0 is none.
pub(crate) struct RootClock {
    base: Instant,
    /// The end of the grace by the stops that were announced. It holds until the clock has
    /// begun: the thread that announced the stop may never get the root's lock.
    announced: AtomicU64,
    /// When the first stop began.
    began: AtomicU64,
    /// The end of the grace.
    deadline: AtomicU64,
    /// When the share of the users ends.
    users_due: AtomicU64,
}

impl RootClock {
    pub(crate) fn new() -> RootClock {
        let [announced, began, deadline, users_due] = [0; 4].map(AtomicU64::new);
        RootClock { base: awake::now(), announced, began, deadline, users_due }
    }

    /// Called under the root's lock, so by one thread at a time. `began` is the last store: a
    /// thread that sees it sees the other two.
    pub(crate) fn set(&self, clock: &Clock) {
        let set = |word: &AtomicU64, at: Option<Instant>| {
            word.store(at.map_or(0, |at| self.word(at)), Ordering::Release);
        };
        set(&self.deadline, clock.deadline(None));
        set(&self.users_due, clock.workers_due(None));
        set(&self.began, clock.began);
    }

    /// True if `end` holds from now on: of several stops the end of the first, unless a `shutdown`
    /// asks for an earlier one (`is_asked_for`). `Clock::begin` and `Clock::limit` do the same.
    pub(crate) fn announce(&self, end: Instant, is_asked_for: bool) -> bool {
        let word = self.word(end);
        let holds = |before: u64| before == 0 || (is_asked_for && word < before);
        let change = |before: u64| holds(before).then_some(word);
        // In one step, because threads that announce hold no lock. Pairs with `deadline`.
        self.announced.fetch_update(Ordering::AcqRel, Ordering::Acquire, change).is_ok()
    }

    fn word(&self, at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(self.base).as_nanos().saturating_add(1);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    fn get(&self, word: &AtomicU64) -> Option<Instant> {
        let nanos = word.load(Ordering::Acquire).checked_sub(1)?;
        Some(after(self.base, Duration::from_nanos(nanos)))
    }

    pub(crate) fn began(&self) -> Option<Instant> {
        self.get(&self.began)
    }

    /// The end of the grace. Before the clock has begun: the end by a stop that was announced.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        // `announced` is never cleared, so that no moment lies between the two without an end.
        self.get(&self.deadline).or_else(|| self.get(&self.announced))
    }

    pub(crate) fn users_due(&self) -> Option<Instant> {
        self.get(&self.users_due)
    }
}
