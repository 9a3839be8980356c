//! Owns the rounds of the thread that rings the interrupts which were in doubt: who is held up at one mutex, and for how long.
//! Refuses to wait at one mutex while others could be had, and to be late for its other duties.
//!
//! It can stand in the queue of one mutex at a time. So it tries all of them, waits at the first for a slice of time, and puts that
//! one last. With one mutex it stands in its queue nearly all the time, and has it as soon as it is freed. With several that are held
//! for long, one that is freed is seen at the end of a slice. Only a waiter that was between its look and its wait is ever late
//! for that: one that was parked has been moved into its mutex's queue by the notification.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::stop::condvar::interrupt::{Delivery, Effort, Interrupt, deliver_each};

/// The first slice, and the longest: they double, since a mutex that is held for long will be for longer.
const SLICES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(8)];

pub(crate) struct Rounds {
    interrupts: Vec<Arc<Interrupt>>,
    slice: Duration,
}

impl Default for Rounds {
    fn default() -> Self {
        Rounds { interrupts: Vec::new(), slice: SLICES[0] }
    }
}

impl Rounds {
    pub(crate) fn add(&mut self, interrupts: Vec<Arc<Interrupt>>) {
        if !interrupts.is_empty() {
            self.slice = SLICES[0];
            self.interrupts.extend(interrupts);
        }
    }

    /// Rings what it can, and waits at one mutex for a slice, or until `until`. True if some are left.
    pub(crate) fn go(&mut self, until: Option<Instant>) -> bool {
        self.interrupts = deliver_each(std::mem::take(&mut self.interrupts));
        let Some(first) = self.interrupts.first().map(Arc::clone) else { return false };
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let slice = left.map_or(self.slice, |left| left.min(self.slice));
        match first.deliver(Effort::For(slice)) {
            Delivery::Heard => self.interrupts.retain(|interrupt| interrupt.pair() != first.pair()),
            Delivery::Awake => drop(self.interrupts.remove(0)),
            // All of its pair: they wait at the same place.
            Delivery::Unconfirmed => {
                self.interrupts.sort_by_key(|interrupt| interrupt.pair() == first.pair())
            }
        }
        self.slice = (self.slice * 2).min(SLICES[1]);
        !self.interrupts.is_empty()
    }
}

/// Rounds for as long as `patience` lasts. Returns those that are left.
pub(crate) fn retry_for(patience: Duration, interrupts: Vec<Arc<Interrupt>>) -> Vec<Arc<Interrupt>> {
    let end = Instant::now() + patience;
    let mut rounds = Rounds { interrupts, ..Rounds::default() };
    while rounds.go(Some(end)) && Instant::now() < end {}
    rounds.interrupts
}
