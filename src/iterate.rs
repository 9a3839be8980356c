//! Owns the waits that one iterates over: ticks, messages until the stop, messages until nothing is left.
//! Refuses to wait by itself: each step is a wait of `wait`.

use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::context::Context;
use crate::error::WaitError;
use crate::limit::far;
use crate::wait::Mark;

impl Context {
    /// Moments that are `period` apart: the first after one period, without drift; those that were missed merge into
    /// one. Ends on stop.
    #[track_caller]
    pub fn ticks(&self, period: Duration) -> Ticks<'_> {
        Ticks {
            context: self,
            period: period.max(Duration::from_nanos(1)),
            next: far(Instant::now(), period),
            caller: Location::caller(),
        }
    }

    /// Receives until the stop, or until the channel is disconnected.
    #[track_caller]
    pub fn iter<'a, T>(&'a self, receiver: &'a Receiver<T>) -> Iter<'a, T> {
        Iter { context: self, receiver, caller: Location::caller() }
    }

    /// As [`iter`](Self::iter), but takes after the stop what is queued, until the channel is empty or the thread is
    /// overdue.
    #[track_caller]
    pub fn drain<'a, T>(&'a self, receiver: &'a Receiver<T>) -> Drain<'a, T> {
        Drain { context: self, receiver, caller: Location::caller() }
    }
}

/// See [`Context::ticks`].
#[derive(Debug)]
#[must_use = "ticks come from iterating"]
pub struct Ticks<'a> {
    context: &'a Context,
    period: Duration,
    next: Instant,
    caller: &'static Location<'static>,
}

impl Iterator for Ticks<'_> {
    type Item = Instant;

    fn next(&mut self) -> Option<Instant> {
        self.context.point("tick", self.caller);
        let mark = Mark::new("tick", self.caller);
        let stopped = self.context.pause(Some(self.next));
        drop(mark);
        if stopped {
            return None;
        }
        let late = Instant::now().saturating_duration_since(self.next);
        let missed = late.as_nanos() / self.period.as_nanos();
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        let tick = far(self.next, self.period.saturating_mul(missed));
        self.next = far(tick, self.period);
        Some(tick)
    }
}

/// See [`Context::iter`].
#[must_use = "messages come from iterating"]
pub struct Iter<'a, T> {
    context: &'a Context,
    receiver: &'a Receiver<T>,
    caller: &'static Location<'static>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.context.receive(self.receiver, || None, self.caller).ok()
    }
}

/// See [`Context::drain`].
#[must_use = "messages come from iterating"]
pub struct Drain<'a, T> {
    context: &'a Context,
    receiver: &'a Receiver<T>,
    caller: &'static Location<'static>,
}

impl<T> Iterator for Drain<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.context.is_overdue() {
            return None;
        }
        // Data wins (S7): what is queued is taken before the stop is looked at.
        if let Ok(value) = self.receiver.try_recv() {
            return Some(value);
        }
        match self.context.receive(self.receiver, || None, self.caller) {
            Ok(value) => Some(value),
            // It may have been queued between the look and the stop.
            Err(WaitError::Stopped(_)) => self.receiver.try_recv().ok(),
            Err(_) => None,
        }
    }
}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("from", &self.caller).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Drain<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("from", &self.caller).finish_non_exhaustive()
    }
}
