//! Owns the rounds of the thread that rings the bells which were in doubt: who is held up at one mutex, and for how long.
//! Refuses to wait at one mutex while others could be had, and to be late for its other duties.
//!
//! It can stand in the queue of one mutex at a time. So it tries all of them, waits at the first for a slice of time, and puts that
//! one last. With one mutex it stands in its queue nearly all the time, and has it as soon as it is freed. With several that are held
//! for long, one that is freed is seen at the end of a slice. Only a waiter that was between its look and its wait is ever late
//! for that: one that was parked has been moved into its mutex's queue by the notification.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::stop::condvar::interrupt::{Bell, Effort, Rung, ring_each};

/// The first slice, and the longest: they double, since a mutex that is held for long will be for longer.
const SLICES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(8)];

pub(crate) struct Rounds {
    bells: Vec<Arc<Bell>>,
    slice: Duration,
}

impl Default for Rounds {
    fn default() -> Self {
        Rounds { bells: Vec::new(), slice: SLICES[0] }
    }
}

impl Rounds {
    pub(crate) fn add(&mut self, bells: Vec<Arc<Bell>>) {
        if !bells.is_empty() {
            self.slice = SLICES[0];
            self.bells.extend(bells);
        }
    }

    /// Rings what it can, and waits at one mutex for a slice, or until `until`. True if some are left.
    pub(crate) fn go(&mut self, until: Option<Instant>) -> bool {
        self.bells = ring_each(std::mem::take(&mut self.bells));
        let Some(first) = self.bells.first().map(Arc::clone) else { return false };
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let slice = left.map_or(self.slice, |left| left.min(self.slice));
        match first.ring(Effort::For(slice)) {
            Rung::Heard => self.bells.retain(|bell| bell.pair() != first.pair()),
            Rung::Awake => drop(self.bells.remove(0)),
            // All of its pair: they wait at the same place.
            Rung::InDoubt => self.bells.sort_by_key(|bell| bell.pair() == first.pair()),
        }
        self.slice = (self.slice * 2).min(SLICES[1]);
        !self.bells.is_empty()
    }
}

/// Rounds for as long as `patience` lasts. Returns those that are left.
pub(crate) fn ring_for(patience: Duration, bells: Vec<Arc<Bell>>) -> Vec<Arc<Bell>> {
    let end = Instant::now() + patience;
    let mut rounds = Rounds { bells, ..Rounds::default() };
    while rounds.go(Some(end)) && Instant::now() < end {}
    rounds.bells
}
