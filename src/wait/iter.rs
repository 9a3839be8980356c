//! Owns the iterators of a context: over ticks, over messages until the stop, over messages until
//! none is left.
//! Refuses to block by itself: each step is a wait of `channel`.

use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::outcome::errors::error::WaitError;
use crate::rt::time::after;
use crate::thread::context::Context;
use crate::tree::wait_mark::WaitMark;

impl Context {
    /// Returns an iterator over moments that are `period` apart. The first comes after one period.
    /// There is no drift, and missed moments merge into one. Ends on stop.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use homebound::wait::Ended;
    /// # homebound::scope(|scope| {
    /// # let stopper = scope.stopper();
    /// scope.service("clock", "looks once a millisecond", move |cx| {
    ///     let mut ticks = cx.ticks(Duration::from_millis(1));
    ///     for _moment in &mut ticks {
    ///         // look
    ///         # stopper.stop();
    ///     }
    ///     assert_eq!(ticks.ended(), Some(Ended::Stopped));
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

    /// Returns an iterator over messages, until the stop or until the channel is disconnected.
    /// [`ended`](Iter::ended) tells which of the two it was: after a stop, the messages are a part
    /// of the list.
    ///
    /// ```
    /// use homebound::channel;
    /// use homebound::wait::Ended;
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

    /// As [`iter`](Self::iter), but after the stop goes on with the messages that are queued, until
    /// the channel is empty or the thread is overdue.
    ///
    /// ```
    /// use homebound::channel;
    /// use homebound::wait::Ended;
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

/// Why an iterator over ticks or messages has ended.
///
/// ```
/// use homebound::wait::Ended;
///
/// homebound::scope(|scope| {
///     let (send, receive) = homebound::channel::unbounded();
///     send.send(1)?;
///     drop(send);
///     let mut numbers = scope.context().iter(&receive);
///     assert_eq!(numbers.by_ref().count(), 1);
///     assert_eq!(numbers.ended(), Some(Ended::Disconnected));
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The context was told to stop, and more messages may have come. Also if the channel is
    /// disconnected then, because a sender may have stopped in the middle of its list.
    Stopped,
    /// All senders are gone, and everything has been received.
    Disconnected,
    /// The thread's share of the grace has passed, and messages may be left in the channel. Only of
    /// [`Context::drain`].
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

/// An iterator over moments that are one period apart. From [`Context::ticks`].
///
/// Each step blocks until the next moment, and returns it; after a stop each step returns `None`. A
/// step that comes late returns the latest moment that has passed, so that missed moments are not
/// caught up.
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
        // All ticks that have passed become one, the latest, and the next stays on the grid of the
        // first (no drift).
        let late = Instant::now().saturating_duration_since(self.next);
        let missed = late.as_nanos() / self.period.as_nanos();
        // More periods than a `u32` counts cannot have passed, but for a period of nanoseconds:
        // then the tick is on the grid, and earlier than the latest.
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        let tick = after(self.next, self.period.saturating_mul(missed));
        self.next = after(tick, self.period);
        Some(tick)
    }
}

/// An iterator over the messages of a channel, until the stop. From [`Context::iter`].
///
/// Each step blocks until there is a message. After a stop each step returns `None`, and the
/// messages that are queued stay in the channel.
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

/// An iterator over the messages of a channel, until the stop has come and the channel is empty.
/// From [`Context::drain`].
///
/// Each step takes a queued message, or blocks until there is one. After a stop no step blocks.
/// `None` when the channel is empty after the stop, when it is disconnected, or when the thread is
/// overdue.
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
        // First, so that a sender that never pauses cannot keep this thread beyond its share of the
        // grace.
        if self.context.is_overdue() {
            self.ended = Some(Ended::Overdue);
            return None;
        }
        // Data wins (S7): take a queued message before the stop is checked.
        if let Ok(value) = self.receiver.try_recv() {
            return Some(value);
        }
        let received =
            self.context.receive(self.receiver, || None, self.caller).or_else(|error| match error {
                // A message may have come between `try_recv` and the stop.
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
