//! Owns the protocol by which a signal handler hands a value to the thread that asked for it.
//! Refuses to know what the value is, how the signal travels, and how a thread sleeps: `words` has
//! the words, and the models of this protocol bring their own.
//!
//! A slot is one word and one value. The word holds the *phase* and, above it, the *generation*:
//! how often the slot was armed. A signal carries the generation for which it was sent, so it fits
//! one request of one slot, and no other.
//!
//! ```text
//!             arm (requester)        fill (handler)          fill (handler)
//!     FREE ------------------> ARMED ---------------> WRITING --------------> FULL
//!      ^                         |                       |                      |
//!      +------ take: too late ---+   take: too late      |   take: has read it  |
//!      ^       (requester)           (requester)         v                      |
//!      +------------------------------------------------ LEFT                   |
//!      ^                          fill (handler)                                |
//!      +------------------------------------------------------------------------+
//! ```
//!
//! 1. The value is written in WRITING and LEFT alone, by the one handler that moved the word from
//!    ARMED to WRITING. It is read in FULL alone, by the one requester that armed the slot.
//! 2. The word leaves WRITING and LEFT through the handler that writes: so no slot is armed again
//!    while a handler may still write to it, however late that handler is.
//! 3. A signal that is late finds another generation, or another phase than ARMED. Its handler
//!    fails at the first step, and has touched nothing but the word.

use super::words::{AtomicU64, Ordering, Place, wake};

const FREE: u64 = 0;
const ARMED: u64 = 1;
const WRITING: u64 = 2;
const FULL: u64 = 3;
const LEFT: u64 = 4;

/// The bits of the phase. The generation is above them.
const PHASE: u64 = 7;

/// Made as a literal, since no constructor of a model checker's words is `const`. Both are zero.
pub(crate) struct Slot<T> {
    /// Phase and generation. Written by requesters and handlers, as the picture above says.
    pub(crate) state: AtomicU64,
    /// By invariant 1, written by one handler and read by one requester in turn.
    pub(crate) value: Place<T>,
}

// SAFETY: `value` is reached in `fill` and `take` alone, by one thread at a time (invariant 1), and
// the orders of the steps on `state` make what one thread wrote visible to the next.
unsafe impl<T: Send> Sync for Slot<T> {}

/// One request: the word of its slot without the phase. Its low bits are zero, and free for use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(pub(crate) u64);

impl<T> Slot<T> {
    /// Claims a slot that is free, for one answer.
    pub(crate) fn arm(&self) -> Option<Ticket> {
        let seen = self.state.load(Ordering::Relaxed);
        if seen & PHASE != FREE {
            return None;
        }
        let ticket = seen.wrapping_add(PHASE + 1);
        // FREE -> ARMED. `Acquire`: what was read from the value, or written late, is over before
        // the next handler writes. `Release`: this holds for that handler as well, which acquires.
        let claimed = self.state.compare_exchange(seen, ticket | ARMED, Ordering::AcqRel, Ordering::Relaxed);
        claimed.is_ok().then_some(Ticket(ticket))
    }

    /// The handler's side: writes the value if the request of this ticket still waits. Does not
    /// wait, lock or allocate. False: the signal came too late, and nothing was touched.
    pub(crate) fn fill(&self, ticket: Ticket, write: impl FnOnce(&mut T)) -> bool {
        let Ticket(ticket) = ticket;
        // ARMED -> WRITING, for this generation alone. Whole words are compared, so a late signal
        // cannot take an armed slot of a later request.
        let step = (ticket | ARMED, ticket | WRITING);
        if self.state.compare_exchange(step.0, step.1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return false;
        }
        self.value.with_mut(|value| {
            // SAFETY: the pointer is to the value of this slot, and by invariant 1 no other thread
            // reaches it in WRITING or LEFT.
            write(unsafe { &mut *value });
        });
        // WRITING -> FULL. `Release` pairs with the load in `take`: the requester sees the value.
        let step = (ticket | WRITING, ticket | FULL);
        if self.state.compare_exchange(step.0, step.1, Ordering::Release, Ordering::Relaxed).is_ok() {
            // Pairs with the wait in `take`. A slot is never freed, so the address is good even if
            // the requester has taken the value meanwhile.
            wake(&self.state);
            return true;
        }
        // LEFT -> FREE: the requester has gone. Only this handler may free the slot (invariant 2).
        // `Release` pairs with `arm`.
        self.state.store(ticket | FREE, Ordering::Release);
        false
    }

    /// The requester's side: waits for the answer and reads it. `wait` gets the word and the value
    /// that it had, sleeps until the word may have changed, and returns false when the time is
    /// over.
    pub(crate) fn take<R>(
        &self,
        ticket: Ticket,
        mut wait: impl FnMut(&AtomicU64, u64) -> bool,
        read: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        let Ticket(ticket) = ticket;
        loop {
            // `Acquire` pairs with the step to FULL in `fill`.
            let seen = self.state.load(Ordering::Acquire);
            if seen == ticket | FULL {
                break;
            }
            if wait(&self.state, seen) {
                continue;
            }
            // Too late. ARMED -> FREE: the signal that is still to come fits no longer. WRITING ->
            // LEFT: a handler writes, and will free the slot. If the handler was faster, look
            // again: it moves the word twice at most, so this ends.
            let left = if seen == ticket | ARMED { ticket | FREE } else { ticket | LEFT };
            if self.state.compare_exchange(seen, left, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return None;
            }
        }
        let result = self.value.with(|value| {
            // SAFETY: the pointer is to the value of this slot, and by invariant 1 no other thread
            // reaches it in FULL.
            read(unsafe { &*value })
        });
        // FULL -> FREE. `Release` pairs with `arm`: the value is read before it is written again.
        self.state.store(ticket | FREE, Ordering::Release);
        Some(result)
    }
}
