//! Owns the way of an answer from the supervisor to a caller that may have left.
//! Refuses to know what was asked for.

use std::convert::Infallible;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::work::slot::Slot;

/// The supervisor's end. Dropped without an answer when the supervisor ends.
pub(super) struct Reply<T> {
    slot: Arc<Slot<T>>,
    /// Its drop wakes the caller.
    _alarm: Sender<Infallible>,
}

/// The caller's end.
pub(super) struct Awaited<T> {
    slot: Arc<Slot<T>>,
    /// Disconnected when the answer is there, or none will come.
    pub(super) given: Receiver<Infallible>,
}

pub(super) fn way<T>() -> (Reply<T>, Awaited<T>) {
    let slot = Arc::new(Slot::new());
    let (_alarm, given) = bounded(0);
    (Reply { slot: Arc::clone(&slot), _alarm }, Awaited { slot, given })
}

impl<T> Reply<T> {
    /// Gives the answer, and wakes the caller. Returns the answer if the caller has left, because a
    /// failure in it has to be told elsewhere.
    pub(super) fn give(self, answer: T) -> Option<T> {
        // The answer before the alarm, which the drop of `self` sounds.
        self.slot.put(answer)
    }
}

impl<T> Awaited<T> {
    /// The caller leaves: with the answer, if it is there.
    pub(super) fn leave(self) -> Option<T> {
        self.slot.close()
    }
}
