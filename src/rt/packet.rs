//! Owns the two ends of a piece of work: the closure until it runs, the result until somebody takes it.
//! Refuses to know what an error means, and who waits: it holds no latch and wakes nobody.

use std::sync::Arc;

use super::contain::{Payload, contain, drop_contained};
use crate::rt::result::BoxError;
use crate::sync::Mutex;
use crate::sync::locks::assert_none_held;

/// How the closure ended. The value of an `Ok` stays in the packet; errors and payloads are `'static` and leave it.
#[derive(Debug)]
pub(crate) enum Ran {
    Done,
    Failed(BoxError),
    Panicked(Payload),
    /// It had been cleared, or run, before.
    Nothing,
}

/// Work whose types are forgotten: what the scope's record and the running thread hold.
pub(crate) trait Task<C>: Send + Sync {
    /// Runs the closure, once, on the calling thread. Never unwinds. When it has returned, closure and captures are
    /// gone, and a result that nobody wants is gone too (invariant 1: this is the inner frame).
    fn run(&self, context: &C) -> Ran;
    /// Drops closure and result, whatever is left of them. Returns the payload if that panicked.
    fn clear(&self) -> Option<Payload>;
}

/// The typed end: what a handle holds.
pub(crate) trait Claim<T>: Send + Sync {
    fn take(&self) -> Option<T>;
    /// Nobody will take the result: drops it, now or when it comes. Returns the payload if that panicked.
    fn disown(&self) -> Option<Payload>;
}

enum Slot<T> {
    Awaited,
    Ready(T),
    /// Taken, cleared, or not wanted: a value that comes now is dropped by the thread that made it.
    Closed,
}

pub(crate) struct Packet<F, T> {
    closure: Mutex<Option<F>>,
    slot: Mutex<Slot<T>>,
}

impl<F, T> Packet<F, T> {
    pub(crate) fn new(closure: F) -> Arc<Self> {
        Arc::new(Packet { closure: Mutex::new(Some(closure)), slot: Mutex::new(Slot::Awaited) })
    }

    /// Closes the slot; what was in it is dropped after the lock is free, since its `Drop` is the user's code.
    fn close(&self) -> Option<Payload> {
        let old = std::mem::replace(&mut *self.slot.lock(), Slot::Closed);
        drop_contained(old)
    }

    fn deliver(&self, value: T) -> Ran {
        let mut slot = self.slot.lock();
        if matches!(*slot, Slot::Awaited) {
            *slot = Slot::Ready(value);
            return Ran::Done;
        }
        drop(slot);
        drop_contained(value).map_or(Ran::Done, Ran::Panicked)
    }
}

/// Closure and result are the program's, whoever drops the last reference to them.
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
        let closure = self.closure.lock().take();
        drop_contained(closure).or(self.close())
    }
}

impl<F: Send, T: Send> Claim<T> for Packet<F, T> {
    fn take(&self) -> Option<T> {
        let mut slot = self.slot.lock();
        match std::mem::replace(&mut *slot, Slot::Closed) {
            Slot::Ready(value) => Some(value),
            Slot::Awaited | Slot::Closed => None,
        }
    }

    fn disown(&self) -> Option<Payload> {
        self.close()
    }
}
