//! Owns the clock of a shutdown: when it began, when its grace is over, and how the grace is
//! shared.
//! Refuses to know whose clock it is, and to read the time.

use std::time::{Duration, Instant};

use crate::rt::time::after;

/// When a shutdown began and when its grace is over.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    /// The first stop request, or the moment when the last worker came home.
    pub(crate) began: Option<Instant>,
    deadline: Option<Instant>,
    /// Some service lived when it began: then a quarter of the grace is theirs.
    served: bool,
}

impl Clock {
    /// Starts it, once. `grace` is the root's; a deadline that was asked for before wins.
    pub(crate) fn begin(&mut self, at: Instant, grace: Option<Duration>, served: bool) {
        if self.began.is_none() {
            self.began = Some(at);
            self.served = served;
            self.deadline = self.deadline.or(grace.map(|grace| after(at, grace)));
        }
    }

    /// Asks for an end; before the beginning it sets the grace, later it moves it earlier, never later.
    pub(crate) fn limit(&mut self, end: Instant) {
        self.deadline = Some(self.deadline.map_or(end, |set| set.min(end)));
    }

    /// The end of the grace, given that of the thread that runs the body.
    pub(crate) fn deadline(&self, outer: Option<Instant>) -> Option<Instant> {
        let own = self.deadline.filter(|_| self.began.is_some());
        own.into_iter().chain(outer).min()
    }

    /// When body and workers are overdue: with services about, a quarter of the grace before its end.
    pub(crate) fn workers_due(&self, outer: Option<Instant>) -> Option<Instant> {
        let (end, began) = (self.deadline(outer)?, self.began?);
        let quarter = if self.served { end.saturating_duration_since(began) / 4 } else { Duration::ZERO };
        end.checked_sub(quarter)
    }
}

/// When the share of the next service ends, `waiting` of them being left, itself included (E3).
pub(crate) fn share(now: Instant, end: Instant, waiting: usize) -> Instant {
    let left = end.saturating_duration_since(now);
    after(now, left / u32::try_from(waiting.max(1)).unwrap_or(u32::MAX))
}
