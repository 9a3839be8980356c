//! Owns the two ends of a piece of work: the closure until it runs, and its result until a claim
//! takes it or nobody wants it.
//! Refuses to know what an error means, and which thread waits: it holds no latch and wakes nobody.
//!
//! ```text
//! closure   held --run--> moved into the call --> gone    (or: held --clear--> gone)
//! slot      awaited --deliver--> ready --take--> closed
//!           (or: awaited / ready --disown, clear--> closed)
//! ```

use std::sync::Arc;

use super::contain::{Payload, contain, drop_contained};
use crate::rt::result::BoxError;
use crate::sync::Mutex;
use crate::sync::locks::assert_none_held;

/// How the closure ended. The value of an `Ok` stays in the packet. Errors and payloads are
/// `'static`, so they leave it.
#[derive(Debug)]
pub(crate) enum Ran {
    /// It returned `Ok`. The value is in the slot, or was dropped because the slot is closed.
    Done,
    /// It returned this error.
    Failed(BoxError),
    /// It panicked, or the drop of its unwanted value did.
    Panicked(Payload),
    /// There was no closure: it had been run or cleared before.
    Nothing,
}

/// Work whose types are forgotten. The entry of a scope and the running thread hold it.
pub(crate) trait Task<C>: Send + Sync {
    /// Runs the closure on the calling thread, at most once. Never unwinds. When it has returned,
    /// closure and captures are gone, and so is a result for a closed slot (invariant 1: this is
    /// the inner frame).
    fn run(&self, context: &C) -> Ran;
    /// Drops the closure and the result, if they are there. Returns the payload if that panicked.
    fn clear(&self) -> Option<Payload>;
}

/// The typed end of a packet, held by a handle.
pub(crate) trait Claim<T>: Send + Sync {
    /// Takes the value and closes the slot. `None` if there is no value, or not yet.
    fn take(&self) -> Option<T>;
    /// Closes the slot: the value is dropped here, or when it is delivered. Returns the payload if
    /// the drop panicked here.
    fn disown(&self) -> Option<Payload>;
}

enum Slot<T> {
    /// The closure has not delivered a value.
    Awaited,
    /// The value is here, until it is taken, disowned or cleared.
    Ready(T),
    /// The value was taken or is not wanted. A value that is delivered now is dropped by the thread
    /// that made it. The last state.
    Closed,
}

pub(crate) struct Packet<F, T> {
    /// The closure until `run` or `clear` takes it. A lock of its own, since `run` and `clear` may
    /// race.
    closure: Mutex<Option<F>>,
    /// The result. Written by the running thread, taken by the claim, closed by a claim or by
    /// `clear`.
    slot: Mutex<Slot<T>>,
}

impl<F, T> Packet<F, T> {
    pub(crate) fn new(closure: F) -> Arc<Self> {
        Arc::new(Packet { closure: Mutex::new(Some(closure)), slot: Mutex::new(Slot::Awaited) })
    }

    /// Awaited or ready -> closed. The old value is dropped after the lock is free, because its
    /// `Drop` is the program's code.
    fn close(&self) -> Option<Payload> {
        let old = std::mem::replace(&mut *self.slot.lock(), Slot::Closed);
        drop_contained(old)
    }

    /// Puts the value into the slot, or drops it if the slot is closed. A handle that is dropped
    /// meanwhile calls `disown`, which takes the same lock: the second of the two drops the value.
    fn deliver(&self, value: T) -> Ran {
        let mut slot = self.slot.lock();
        if matches!(*slot, Slot::Awaited) {
            // Awaited -> ready.
            *slot = Slot::Ready(value);
            return Ran::Done;
        }
        // The drop of the value is the program's code, so it runs with the lock free. It runs
        // before `run` returns, so before any thread learns of the end (X3).
        drop(slot);
        drop_contained(value).map_or(Ran::Done, Ran::Panicked)
    }
}

/// What is left in the packet is the program's code, so the drop of its last reference needs all
/// our locks free.
impl<F, T> Drop for Packet<F, T> {
    fn drop(&mut self) {
        if self.closure.get_mut().is_some() || matches!(self.slot.get_mut(), Slot::Ready(_)) {
            assert_none_held();
        }
    }
}

impl<C, F, T> Task<C> for Packet<F, T>
where
    F: FnOnce(&C) -> Result<T, BoxError> + Send,
    T: Send,
{
    fn run(&self, context: &C) -> Ran {
        // Held -> moved into the call, under the lock, so that one of `run` and `clear` gets it.
        // The call below moves it on, so that it dies in that frame (X7).
        let Some(closure) = self.closure.lock().take() else {
            return Ran::Nothing;
        };
        match contain(|| closure(context)) {
            Ok(Ok(value)) => self.deliver(value),
            Ok(Err(error)) => Ran::Failed(error),
            Err(payload) => Ran::Panicked(payload),
        }
    }

    fn clear(&self) -> Option<Payload> {
        // Held -> gone. The lock is free again when the closure is dropped.
        let closure = self.closure.lock().take();
        drop_contained(closure).or(self.close())
    }
}

impl<F: Send, T: Send> Claim<T> for Packet<F, T> {
    fn take(&self) -> Option<T> {
        let mut slot = self.slot.lock();
        // Ready -> closed. A handle calls this after the end of its thread, so no value is awaited
        // any more.
        match std::mem::replace(&mut *slot, Slot::Closed) {
            Slot::Ready(value) => Some(value),
            Slot::Awaited | Slot::Closed => None,
        }
    }

    fn disown(&self) -> Option<Payload> {
        self.close()
    }
}
