//! Owns which side gets the result of a thread: its handle, or its scope if no handle asks.
//! Refuses to lock, and to hand a result over: `results` does.
//!
//! ```text
//!              drop, or no handle
//!   Running ------------------------> Released      the thread runs
//!      |                                 |
//!      | end                             | end
//!      v          join, drop             v
//!   Ended ---------------------------> Over         the thread has ended
//!      |                                 ^
//!      | settle           join, drop     |
//!      +-----------> Settled ------------+          the scope is over, and the handle is not
//! ```
//!
//! `Released`, `Over` and `Settled` mean that the scope keeps the result for no handle. The outcome
//! then goes to the scope, which lists the failure of an isolated thread; a joiner has taken the
//! outcome with it. `Settled` keeps a copy for a handle that outlives the scope. Each transition is
//! made under the lock of the record's `Life`.

use crate::outcome::errors::failure::{Cause, Failure};
use crate::outcome::reason::Stop;
use crate::outcome::report::shutdown::Ending;

/// How a thread ended. The value of a finished one is in its packet.
#[derive(Clone)]
pub(crate) enum Outcome {
    Finished,
    Stopped(Stop),
    Failed(Failure),
}

impl Outcome {
    pub(crate) fn is_panic(&self) -> bool {
        self.ending() == Ending::Panicked
    }

    pub(super) fn ending(&self) -> Ending {
        match self {
            Outcome::Finished => Ending::Finished,
            Outcome::Stopped(_) => Ending::Stopped,
            Outcome::Failed(failure) => match failure.cause() {
                Cause::Panic { .. } => Ending::Panicked,
                Cause::Error(_) => Ending::Failed,
            },
        }
    }
}

/// Where the result of a thread is; the header of this file draws the transitions.
#[derive(Default)]
pub(crate) enum ResultState {
    /// The thread has not ended, and its handle may ask for the result.
    #[default]
    Running,
    /// The thread has not ended, and no handle will ask.
    Released,
    /// The thread has ended, and its handle may ask for the result.
    Ended(Outcome),
    /// The thread has ended, and its outcome has gone to the joiner or to the scope.
    Over,
    /// The same, to the scope when it was settled, and a handle may still ask.
    Settled(Outcome),
}

impl ResultState {
    /// True if the scope need not keep the result for a handle.
    pub(crate) fn is_released(&self) -> bool {
        matches!(self, ResultState::Released | ResultState::Over | ResultState::Settled(_))
    }

    /// The thread has ended. Returns the outcome if no handle will ask for it.
    pub(super) fn end(&mut self, outcome: Outcome) -> Option<Outcome> {
        if self.is_released() {
            // Released -> Over: the handle went first, so the outcome is the scope's.
            *self = ResultState::Over;
            return Some(outcome);
        }
        // Running -> Ended: kept for a joiner. (The root ends its internal threads a second time:
        // Ended stays Ended.)
        *self = ResultState::Ended(outcome);
        None
    }

    /// A handle asks for the outcome of a thread that has ended.
    pub(super) fn take(&mut self) -> Option<Outcome> {
        match std::mem::replace(self, ResultState::Over) {
            // Settled -> Over: the scope has listed the failure as well.
            ResultState::Settled(outcome) => Some(outcome),
            before => {
                *self = before;
                self.release()
            }
        }
    }

    /// The scope is settled. Returns the outcome, if it is the scope's from now on.
    pub(super) fn settle(&mut self) -> Option<Outcome> {
        let outcome = self.release()?;
        // Ended -> Settled.
        *self = ResultState::Settled(outcome.clone());
        Some(outcome)
    }

    /// No handle will ask from now on. Returns the outcome, if the thread has ended and no other
    /// call has taken it.
    pub(super) fn release(&mut self) -> Option<Outcome> {
        match std::mem::take(self) {
            // Running -> Released: the thread will find at its end that no handle asks.
            ResultState::Running | ResultState::Released => {
                *self = ResultState::Released;
                None
            }
            // Ended -> Over: the caller has the outcome.
            ResultState::Ended(outcome) => {
                *self = ResultState::Over;
                Some(outcome)
            }
            // A handle that outlives its scope finds that `settle` was first. The outcome stays in
            // the record, because its drop needs the lock free.
            over => {
                *self = over;
                None
            }
        }
    }
}
