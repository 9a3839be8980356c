//! Owns the states of a thread that becomes ready, and the transitions between them.
//! Refuses to lock, to wake and to wait: `starting` does the first two, the starter waits. The drop
//! of the starter's *alarm* wakes it.
//!
//! ```text
//!            Ready::set, cx.ready()
//! Starting -------------------------> Ready            failures are the scope's (F1)
//!    |  \     the Ready is dropped
//!    |   +--------------------------> Hopeless         the starter stops the thread
//!    |   |   the closure is over
//!    +---+--------------------------> Ended            its failure is the starter's
//!    |   |   time-out, stop of the starter
//!    +---+--------------------------> GivenUp          its failure is the scope's
//! ```
//!
//! Each transition is made under the lock of the record's `Life`, so exactly one of the thread and
//! its starter ends `Starting`: either the starter gets the value and the thread counts as ready,
//! or neither is so. A thread that runs several times may begin each run in `Starting`.

use std::convert::Infallible;
use std::mem::replace;
use std::time::Instant;

use crossbeam_channel::Sender;

/// The drop of a thread's alarm disconnects the receiver of its starter.
pub(crate) type Alarm = Sender<Infallible>;

/// The word by which a thread says that it is ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Word {
    /// No starter waits for the thread, so its readiness has no effect.
    #[default]
    None,
    /// `Context::ready`.
    Context,
    /// `Ready::set`, with a value.
    Value,
}

/// How far a thread has come; the header of this file draws the transitions.
#[derive(Default)]
pub(crate) enum Readiness<A = Alarm> {
    /// No starter waits, and the thread has not said that it is ready.
    #[default]
    Unasked,
    /// A starter waits. Boxed, because most threads have no starter.
    Starting(Box<Starting<A>>),
    /// The `Ready` was dropped, so the thread cannot become ready. The instant is that of
    /// `Starting`.
    Hopeless(Instant),
    /// The closure was over before the thread was ready. Keeps the alarm until the result is there.
    Ended(Box<(Instant, Option<A>)>),
    /// The starter waits no longer. The thread is shown as starting until it is home.
    GivenUp(Instant),
    /// The thread has said that it is ready.
    Ready,
}

pub(crate) struct Starting<A> {
    /// When the starter began to wait. Read by views.
    pub(crate) since: Instant,
    /// Dropped to wake the starter, when the lock is free.
    pub(crate) alarm: A,
}

/// A state without its parts, for the starter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The thread may become ready.
    Starting,
    /// The thread runs, and cannot become ready.
    Hopeless,
    /// The thread was not ready when its closure was over.
    Ended,
    /// The thread is ready.
    Ready,
}

impl<A> Readiness<A> {
    pub(crate) fn stage(&self) -> Stage {
        match self {
            Readiness::Starting(_) => Stage::Starting,
            Readiness::Hopeless(_) | Readiness::GivenUp(_) => Stage::Hopeless,
            Readiness::Ended(..) => Stage::Ended,
            Readiness::Unasked | Readiness::Ready => Stage::Ready,
        }
    }

    /// Since when the starter waits, or waited; `None` if the thread is ready or has no starter.
    pub(crate) fn since(&self) -> Option<Instant> {
        match self {
            Readiness::Starting(starting) => Some(starting.since),
            Readiness::Hopeless(at) | Readiness::GivenUp(at) => Some(*at),
            Readiness::Ended(ended) => Some(ended.0),
            Readiness::Unasked | Readiness::Ready => None,
        }
    }

    /// True if a failure of the thread is the starter's, and stops nothing.
    pub(crate) fn is_isolated(&self) -> bool {
        matches!(self, Readiness::Starting(_) | Readiness::Hopeless(_) | Readiness::Ended(..))
    }

    /// The thread says that it is ready. True if it counts as ready from now on.
    pub(crate) fn set(&mut self) -> (bool, Option<A>) {
        match self {
            // Starting -> Ready: the starter is woken. Unasked -> Ready: noted, without an effect.
            Readiness::Starting(_) | Readiness::Unasked => {
                (true, replace(self, Readiness::Ready).into_alarm())
            }
            Readiness::Ready => (true, None),
            // Too late.
            Readiness::Hopeless(_) | Readiness::Ended(..) | Readiness::GivenUp(_) => (false, None),
        }
    }

    /// The thread can no longer say its word, because its `Ready` was dropped.
    pub(crate) fn lose_hope(&mut self) -> Option<A> {
        let Readiness::Starting(starting) = self else { return None };
        // Starting -> Hopeless: the starter is woken, and stops the thread.
        let hopeless = Readiness::Hopeless(starting.since);
        replace(self, hopeless).into_alarm()
    }

    /// The starter leaves. Returns the stage that it finds.
    pub(crate) fn give_up(&mut self) -> (Stage, Option<A>) {
        let stage = self.stage();
        let since = self.since().filter(|_| matches!(stage, Stage::Starting | Stage::Hopeless));
        // Starting, Hopeless -> GivenUp: nobody takes a failure of the thread but its scope.
        let before = since.map(|since| replace(self, Readiness::GivenUp(since)));
        (stage, before.and_then(Readiness::into_alarm))
    }

    /// The closure is over.
    pub(crate) fn end(&mut self) {
        if let (true, Some(since)) = (self.is_isolated(), self.since()) {
            // Starting, Hopeless -> Ended. The alarm is kept: the starter sleeps on until the
            // result is there.
            let alarm = std::mem::take(self).into_alarm();
            *self = Readiness::Ended(Box::new((since, alarm)));
        }
    }

    /// The result of a thread that is over is there, so its starter may be woken.
    pub(crate) fn take_alarm(&mut self) -> Option<A> {
        if let Readiness::Ended(ended) = self { ended.1.take() } else { None }
    }

    fn into_alarm(self) -> Option<A> {
        match self {
            Readiness::Starting(starting) => Some(starting.alarm),
            Readiness::Ended(ended) => ended.1,
            Readiness::Unasked | Readiness::Hopeless(_) | Readiness::GivenUp(_) | Readiness::Ready => None,
        }
    }
}
