//! Owns the two ends of a piece of work: the closure until it runs, and its result until a claim
//! takes it or nobody wants it.
//! Refuses to know what an error means, and which thread waits: it holds no latch and wakes nobody.
//!
//! ```text
//! closure   held --run--> moved into the call --> gone    (or: held --clear--> gone)
//! closure that may run again ([`Repeated`]):
//!           held --run--> called --> held ..              (or: held --let_go, clear--> gone)
//!                         called --(let_go, clear)--> gone, dropped when the call is over
//! slot      awaited --deliver--> ready --take--> closed
//!           (or: awaited / ready --disown, clear--> closed)
//! ```

use std::sync::Arc;

use super::contain::{Payload, contain, discard, drop_contained};
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
    /// Runs the closure on the calling thread, at most once, or once per call if the closure may
    /// run again. Never unwinds. When it has returned, closure and captures are gone or back in the
    /// packet, and a result for a closed slot is gone (invariant 1: this is the inner frame).
    fn run(&self, context: &C) -> Ran;
    /// Drops a closure that will not run again; its result stays. Returns the payload if that
    /// panicked. A task whose closure is gone when it has run has nothing to drop.
    fn let_go(&self) -> Option<Payload> {
        None
    }
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

/// The place of the result, between the thread that runs and the claim.
struct Outbox<T>(Mutex<Slot<T>>);

impl<T> Outbox<T> {
    fn new() -> Outbox<T> {
        Outbox(Mutex::new(Slot::Awaited))
    }

    /// Awaited or ready -> closed. The old value is dropped after the lock is free, because its
    /// `Drop` is the program's code.
    fn close(&self) -> Option<Payload> {
        let old = std::mem::replace(&mut *self.0.lock(), Slot::Closed);
        drop_contained(old)
    }

    /// Puts the value into the slot, or drops it if the slot is closed. A handle that is dropped
    /// meanwhile calls `disown`, which takes the same lock: the second of the two drops the value.
    fn deliver(&self, value: T) -> Ran {
        let mut slot = self.0.lock();
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

    fn take(&self) -> Option<T> {
        let mut slot = self.0.lock();
        // Ready -> closed. A handle calls this after the end of its thread, so no value is awaited
        // any more.
        match std::mem::replace(&mut *slot, Slot::Closed) {
            Slot::Ready(value) => Some(value),
            Slot::Awaited | Slot::Closed => None,
        }
    }

    /// What the closure returned, or its panic; a value goes into the slot.
    fn put(&self, ran: Result<Result<T, BoxError>, Payload>) -> Ran {
        match ran {
            Ok(Ok(value)) => self.deliver(value),
            Ok(Err(error)) => Ran::Failed(error),
            Err(payload) => Ran::Panicked(payload),
        }
    }

    fn is_full(&mut self) -> bool {
        matches!(self.0.get_mut(), Slot::Ready(_))
    }
}

/// A closure that runs once.
pub(crate) struct Packet<F, T> {
    /// The closure until `run` or `clear` takes it. A lock of its own, since `run` and `clear` may
    /// race.
    closure: Mutex<Option<F>>,
    /// The result. Written by the running thread, taken by the claim, closed by a claim or by
    /// `clear`.
    slot: Outbox<T>,
}

impl<F, T> Packet<F, T> {
    pub(crate) fn new(closure: F) -> Arc<Self> {
        Arc::new(Packet::bare(closure))
    }

    /// A packet that is to be a part of a larger value.
    pub(crate) fn bare(closure: F) -> Self {
        Packet { closure: Mutex::new(Some(closure)), slot: Outbox::new() }
    }

    /// Takes the closure out of a packet that nobody else has.
    pub(crate) fn take_closure(&mut self) -> Option<F> {
        self.closure.get_mut().take()
    }
}

/// A closure or a result that is left in the packet is dropped with the packet, which runs the
/// program's code. So the last reference must be dropped with all our locks free.
impl<F, T> Drop for Packet<F, T> {
    fn drop(&mut self) {
        if self.closure.get_mut().is_some() || self.slot.is_full() {
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
        self.slot.put(contain(|| closure(context)))
    }

    fn clear(&self) -> Option<Payload> {
        // Held -> gone. The lock is free again when the closure is dropped.
        let closure = self.closure.lock().take();
        drop_contained(closure).or(self.slot.close())
    }
}

impl<F: Send, T: Send> Claim<T> for Packet<F, T> {
    fn take(&self) -> Option<T> {
        self.slot.take()
    }

    fn disown(&self) -> Option<Payload> {
        self.slot.close()
    }
}

/// A closure that may run again, in place: its captures stay where they are from run to run.
pub(crate) struct Repeated<F, T> {
    /// Written by the running thread, and by `let_go` and `clear`.
    closure: Mutex<Place<F>>,
    /// As in [`Packet`]. A second value goes the way of a value that nobody wants.
    slot: Outbox<T>,
}

/// Where a closure is that may run again.
enum Place<F> {
    /// In the packet. Boxed, so that the closure itself is not moved for a run.
    Held(Box<F>),
    /// In the frame of a `run`, which puts it back on every way out.
    Called,
    /// It will not run again. If a `run` has it, that call drops it. The last state.
    Gone,
}

impl<F, T> Repeated<F, T> {
    pub(crate) fn new(closure: F) -> Arc<Self> {
        let held = Place::Held(Box::new(closure));
        Arc::new(Repeated { closure: Mutex::new(held), slot: Outbox::new() })
    }

    /// Held or called -> gone. The lock is free again when the closure is dropped.
    fn drop_closure(&self) -> Option<Payload> {
        let closure = std::mem::replace(&mut *self.closure.lock(), Place::Gone);
        drop_contained(closure)
    }

    /// Called -> held; or the closure is dropped here, because it was let go meanwhile.
    fn put_back(&self, closure: Box<F>) -> Option<Payload> {
        let mut place = self.closure.lock();
        if matches!(*place, Place::Called) {
            *place = Place::Held(closure);
            return None;
        }
        drop(place);
        drop_contained(closure)
    }
}

/// As for `Packet`.
impl<F, T> Drop for Repeated<F, T> {
    fn drop(&mut self) {
        if matches!(self.closure.get_mut(), Place::Held(_)) || self.slot.is_full() {
            assert_none_held();
        }
    }
}

impl<C, F, T> Task<C> for Repeated<F, T>
where
    F: FnMut(&C) -> Result<T, BoxError> + Send,
    T: Send,
{
    fn run(&self, context: &C) -> Ran {
        let mut place = self.closure.lock();
        // Held -> called, under the lock, so that no two runs have it (and a run that finds it
        // gone leaves it so).
        let mut closure = match std::mem::replace(&mut *place, Place::Called) {
            Place::Held(closure) => closure,
            other => {
                *place = other;
                return Ran::Nothing;
            }
        };
        drop(place);
        let ran = self.slot.put(contain(|| closure(context)));
        // The panic of a capture, which is dropped because the closure was let go, outweighs an
        // `Ok`, as it does for a closure that runs once.
        match (self.put_back(closure), ran) {
            (Some(payload), Ran::Done | Ran::Nothing) => Ran::Panicked(payload),
            (payload, ran) => {
                discard(payload);
                ran
            }
        }
    }

    fn let_go(&self) -> Option<Payload> {
        self.drop_closure()
    }

    fn clear(&self) -> Option<Payload> {
        self.drop_closure().or(self.slot.close())
    }
}

impl<F: Send, T: Send> Claim<T> for Repeated<F, T> {
    fn take(&self) -> Option<T> {
        self.slot.take()
    }

    fn disown(&self) -> Option<Payload> {
        self.slot.close()
    }
}
