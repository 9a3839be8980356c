//! Owns the waits that one iterates over: ticks, messages until the stop, messages until nothing is left.
//! Refuses to wait by itself: each step is a wait of `channel`.

use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::outcome::error::WaitError;
use crate::rt::time::after;
use crate::thread::context::Context;
use crate::tree::wait_mark::WaitMark;

impl Context {
    /// Moments that are `period` apart: the first after one period, without drift; those that were missed merge into
    /// one. Ends on stop.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use homebound::Ended;
    /// # homebound::scope(|scope| {
    /// # let stopper = scope.stopper();
    /// scope.service("clock", "looks once a millisecond", move |cx| {
    ///     let mut ticks = cx.ticks(Duration::from_millis(1));
    ///     for _moment in &mut ticks {
    ///         // look
    ///         # stopper.stop();
    ///     }
    ///     assert_eq!(ticks.ended(), Some(Ended::Stopped)); // or `Overdue`, which only `drain` tells
    ///     Ok(())
    /// })?;
    /// # Ok(scope.context().sleep(Duration::from_secs(60)).unwrap_err()) }).unwrap();
    /// ```
    #[track_caller]
    pub fn ticks(&self, period: Duration) -> Ticks<'_> {
        Ticks {
            context: self,
            period: period.max(Duration::from_nanos(1)),
            next: after(Instant::now(), period),
            caller: Location::caller(),
            ended: None,
        }
    }

    /// Receives until the stop, or until the channel is disconnected. Which of the two it was, [`ended`](Iter::ended) tells: what
    /// was received before a stop is a part of the list.
    ///
    /// ```
    /// use homebound::{Ended, channel};
    /// # homebound::scope(|scope| {
    /// let (give, take) = channel::unbounded::<u32>();
    /// let sum = scope.spawn("adder", "adds up what it is sent", move |cx| {
    ///     let mut numbers = cx.iter(&take);
    ///     let sum: u32 = numbers.by_ref().sum();
    ///     match numbers.ended() {
    ///         Some(Ended::Disconnected) => Ok(sum), // all have been added
    ///         _ => Err(cx.checkpoint().unwrap_err().into()),
    ///     }
    /// })?;
    /// give.send(3)?;
    /// give.send(4)?;
    /// drop(give);
    /// assert_eq!(sum.join()?, 7);
    /// # Ok(()) }).unwrap();
    /// ```
    #[track_caller]
    pub fn iter<'a, T>(&'a self, receiver: &'a Receiver<T>) -> Iter<'a, T> {
        Iter { context: self, receiver, caller: Location::caller(), ended: None }
    }

    /// As [`iter`](Self::iter), but takes after the stop what is queued, until the channel is empty or the thread is
    /// overdue.
    ///
    /// ```
    /// use homebound::{Ended, channel};
    /// # homebound::scope(|scope| {
    /// # let (give, take) = channel::unbounded::<&str>();
    /// # give.send("line")?;
    /// scope.service("log", "writes what it is sent", move |cx| {
    ///     let mut lines = cx.drain(&take);
    ///     for line in &mut lines {
    ///         println!("{line}");
    ///     }
    ///     if lines.ended() == Some(Ended::Overdue) {
    ///         println!("{} lines were not written", take.len());
    ///     }
    ///     Ok(())
    /// })?;
    /// # Ok(()) }).unwrap();
    /// ```
    #[track_caller]
    pub fn drain<'a, T>(&'a self, receiver: &'a Receiver<T>) -> Drain<'a, T> {
        Drain { context: self, receiver, caller: Location::caller(), ended: None }
    }
}

/// Why there was nothing more to iterate over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The context was asked to stop: more may have come. Of a channel also, if it is disconnected then, since whoever sent may
    /// have stopped in the middle.
    Stopped,
    /// All senders are gone, and everything has been received.
    Disconnected,
    /// The thread's share of the grace has passed: there may be more in the channel. Only of [`Context::drain`].
    Overdue,
}

impl Ended {
    fn of(error: &WaitError) -> Ended {
        match error {
            WaitError::Stopped(_) | WaitError::TimedOut => Ended::Stopped,
            WaitError::Disconnected => Ended::Disconnected,
        }
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
    ended: Option<Ended>,
}

impl Ticks<'_> {
    /// Why there was no other tick: a stop. `None` before that.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }
}

impl Iterator for Ticks<'_> {
    type Item = Instant;

    fn next(&mut self) -> Option<Instant> {
        self.context.point("tick", self.caller);
        let mark = WaitMark::new("tick", self.caller);
        let stopped = self.context.pause(Some(self.next));
        drop(mark);
        if stopped {
            self.ended = Some(Ended::Stopped);
            return None;
        }
        let late = Instant::now().saturating_duration_since(self.next);
        let missed = late.as_nanos() / self.period.as_nanos();
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        let tick = after(self.next, self.period.saturating_mul(missed));
        self.next = after(tick, self.period);
        Some(tick)
    }
}

/// See [`Context::iter`].
#[must_use = "messages come from iterating"]
pub struct Iter<'a, T> {
    context: &'a Context,
    receiver: &'a Receiver<T>,
    caller: &'static Location<'static>,
    ended: Option<Ended>,
}

impl<T> Iter<'_, T> {
    /// Why there was no other message; `None` before that.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let received = self.context.receive(self.receiver, || None, self.caller);
        self.ended = received.as_ref().err().map(Ended::of);
        received.ok()
    }
}

/// See [`Context::drain`].
#[must_use = "messages come from iterating"]
pub struct Drain<'a, T> {
    context: &'a Context,
    receiver: &'a Receiver<T>,
    caller: &'static Location<'static>,
    ended: Option<Ended>,
}

impl<T> Drain<'_, T> {
    /// Why there was no other message; `None` before that.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }
}

impl<T> Iterator for Drain<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.context.is_overdue() {
            self.ended = Some(Ended::Overdue);
            return None;
        }
        // Data wins (S7): what is queued is taken before the stop is looked at.
        if let Ok(value) = self.receiver.try_recv() {
            return Some(value);
        }
        let received =
            self.context.receive(self.receiver, || None, self.caller).or_else(|error| match error {
                // It may have been queued between the look and the stop.
                WaitError::Stopped(_) => self.receiver.try_recv().map_err(|_| error),
                _ => Err(error),
            });
        self.ended = received.as_ref().err().map(Ended::of);
        received.ok()
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
