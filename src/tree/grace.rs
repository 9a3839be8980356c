//! Owns the clock of a shutdown: when it began, when its grace is over, and how the grace is
//! shared.
//! Refuses to know whose clock it is, and to read the time.

use std::time::{Duration, Instant};

use crate::rt::time::after;

/// When a shutdown began and when its grace is over. All instants are on the clock of `awake`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    /// The first stop request, or the instant when the last worker came home. Set once, by `begin`.
    pub(crate) began: Option<Instant>,
    /// The end of the grace. Before the beginning it holds a deadline that was asked for already.
    deadline: Option<Instant>,
    /// Body and workers are not due before this instant. Set by `limit`, to the moment of the call
    /// that shortened their time.
    not_before: Option<Instant>,
    /// True if a service lived when the shutdown began: then a quarter of the grace is the
    /// services'.
    served: bool,
}

impl Clock {
    /// Starts the clock; later calls do nothing. `grace` is the root's grace, unless a deadline was
    /// asked for before.
    pub(crate) fn begin(&mut self, at: Instant, grace: Option<Duration>, served: bool) {
        // Once: a second stop does not prolong the grace.
        if self.began.is_none() {
            self.began = Some(at);
            self.served = served;
            self.deadline = self.deadline.or(grace.map(|grace| after(at, grace)));
        }
    }

    /// Asks for an end, at the instant `now`. Before the beginning this sets the grace; later it
    /// moves the end earlier, never later.
    pub(crate) fn limit(&mut self, now: Instant, end: Instant) {
        if self.deadline.is_some_and(|set| set <= end) {
            return;
        }
        // Threads that came home in time before this call stay in time, because their report may be
        // made after it. Threads that were due already stay so.
        self.not_before = self.workers_due(None).into_iter().chain([now]).min();
        self.deadline = Some(end);
    }

    /// The end of the grace: the clock's own, or when the thread that runs the body is due
    /// (`outer`), if that is earlier.
    pub(crate) fn deadline(&self, outer: Option<Instant>) -> Option<Instant> {
        // A deadline that was asked for counts only when the clock runs.
        let own = self.deadline.filter(|_| self.began.is_some());
        own.into_iter().chain(outer).min()
    }

    /// When body and workers are overdue: a quarter of the grace before its end, if services lived
    /// at the beginning.
    pub(crate) fn workers_due(&self, outer: Option<Instant>) -> Option<Instant> {
        let (end, began) = (self.deadline(outer)?, self.began?);
        let quarter = if self.served { end.saturating_duration_since(began) / 4 } else { Duration::ZERO };
        end.checked_sub(quarter).max(self.not_before.map(|first| first.min(end)))
    }
}

/// When the share of the next service ends, if `waiting` services are left, itself included (E3).
pub(crate) fn share(now: Instant, end: Instant, waiting: usize) -> Instant {
    let left = end.saturating_duration_since(now);
    after(now, left / u32::try_from(waiting.max(1)).unwrap_or(u32::MAX))
}
