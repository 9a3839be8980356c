//! Owns the readiness of a record: its transitions under the lock, the wake-up of the starter, and
//! what depends on it (whose a failure is, whether an end counts).
//! Refuses to know the transitions, which are in `readiness`, and to wait.
//!
//! A starter calls [`begin_start`](Record::begin_start) before the run is launched, and waits until
//! the receiver is disconnected; then it asks for the stage. A starter that does not wait so long
//! calls [`give_up_start`](Record::give_up_start). The ending thread calls
//! [`end_start`](Record::end_start) before it judges the result, and
//! [`wake_starter`](Record::wake_starter) when the starter may look at the result.

use std::convert::Infallible;
use std::time::Instant;

use crossbeam_channel::{Receiver, bounded};

use crate::tree::readiness::{Readiness, Stage, Starting, Word};
use crate::tree::record::Record;

impl Record {
    /// Begins a run for which a starter waits. Returns a receiver, which is disconnected when the
    /// thread is ready, when it cannot become ready, and by `wake_starter`. To be called before the
    /// run is launched, for a record whose `starts_by` is not `Word::None`.
    pub(crate) fn begin_start(&self) -> Receiver<Infallible> {
        let (alarm, woken) = bounded(0);
        let starting = Readiness::Starting(Box::new(Starting { since: Instant::now(), alarm }));
        // Unasked, or the last state of the run before -> Starting.
        let before = self.life(|life| std::mem::replace(&mut life.rare().readiness, starting));
        drop(before);
        woken
    }

    /// The thread says `word`. True if it is ready now. Pairs with `begin_start`.
    pub(crate) fn set_ready(&self, word: Word) -> bool {
        if self.traits.starts_by != word {
            // Without a starter it has no effect.
            return self.traits.starts_by == Word::None;
        }
        let (is_ready, alarm) = self.life(|life| life.rare().readiness.set());
        drop(alarm);
        is_ready
    }

    /// The thread cannot become ready any more. Pairs with `begin_start`.
    pub(crate) fn lose_hope(&self) {
        let alarm = self.life(|life| life.rare().readiness.lose_hope());
        drop(alarm);
    }

    /// The starter leaves without a thread that is ready, unless the returned stage says that the
    /// thread was faster.
    pub(crate) fn give_up_start(&self) -> Stage {
        let (stage, alarm) = self.life(|life| life.rare().readiness.give_up());
        drop(alarm);
        stage
    }

    /// The closure is over. Called by the ending thread before it judges the result, because whose
    /// the failure is depends on it.
    pub(crate) fn end_start(&self) {
        if self.traits.starts_by != Word::None {
            self.life(|life| life.rare().readiness.end());
        }
    }

    /// Wakes the starter of a run that is over, when the starter may look at the result. Pairs with
    /// `begin_start`.
    pub(crate) fn wake_starter(&self) {
        if self.traits.starts_by != Word::None {
            let alarm = self.life(|life| life.rare().readiness.take_alarm());
            drop(alarm);
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.life(|life| life.readiness().map_or(Stage::Ready, Readiness::stage))
    }

    /// Since when the thread is starting; `None` if it is ready, or has no starter.
    pub(crate) fn starting_since(&self) -> Option<Instant> {
        if self.traits.starts_by == Word::None { None } else { self.life(|life| life.readiness()?.since()) }
    }

    /// True if a failure of the thread stops nothing: the thread is isolated, or not ready yet, or
    /// at a job that has a handle.
    pub(crate) fn is_isolated(&self) -> bool {
        let not_ready = || {
            self.traits.starts_by != Word::None
                && self.life(|life| life.readiness().is_some_and(Readiness::is_isolated))
        };
        let job = self.job().and_then(|job| job.is_isolated());
        job.unwrap_or_else(|| self.traits.isolated || not_ready())
    }

    /// True if the end of the thread stops its scope: the thread is vital, and has been ready.
    pub(crate) fn is_vital(&self) -> bool {
        self.traits.vital && self.starting_since().is_none()
    }
}
