//! Owns the flag by which wake-ups of one sleeper are *coalesced*: all that come before the sleeper
//! looks share one message.
//! Refuses to know the message, which the caller writes and reads.
//!
//! ```text
//! waker    change what the sleeper looks at;   raise the flag;   write, if it was down
//! sleeper  sleep until there is a message;     read;             lower the flag;    look
//! ```
//!
//! # Invariants
//!
//! 1. While the flag is up, a message is in the pipe or on its way there, or the sleeper is between
//!    its read and its lowering of the flag. Only a waker raises the flag, and the waker that does
//!    so writes. Only the sleeper takes messages, and after each read it lowers the flag.
//! 2. The sleeper looks at everything after it has lowered the flag, and before it sleeps again.
//!    The messages say nothing of a change.
//!
//! **No wake-up is lost.** Raising and lowering are each one step at one word, so one comes first.
//! If the waker is first, the sleeper lowers the flag later, and its look then sees the change
//! (release and acquire). This holds also if the waker finds the flag up and writes nothing, by 1:
//! the sleeper is awake, or will be woken. If the sleeper is first, the waker finds the flag down,
//! and its message ends the next sleep.
//!
//! The lowering has one right place. Before the read, a wake-up in between raises the flag again,
//! and the read takes its message: then the flag is up with an empty pipe, and no later wake-up
//! writes anything. After the look, a wake-up in between writes nothing and is not seen. A message
//! that is written late, behind a read that it belonged to, ends a sleep for nothing.

use std::sync::atomic::Ordering;

use crate::sync::AtomicBool;

pub(crate) struct Coalesced {
    /// Raised by `wake`, lowered by `sleep`.
    is_pending: AtomicBool,
}

impl Coalesced {
    pub(crate) fn new() -> Coalesced {
        Coalesced { is_pending: AtomicBool::new(false) }
    }

    /// Called after the change: has the sleeper look. Calls `write` if the sleeper needs a message.
    /// Pairs with `sleep`.
    pub(crate) fn wake(&self, write: impl FnOnce()) {
        // Down -> up, or up already. Release, for the acquire in `sleep`.
        if !self.is_pending.swap(true, Ordering::AcqRel) {
            write();
        }
    }

    /// Calls `wait`, which blocks until there is a message, and then `read`, which takes the
    /// messages. The caller looks at everything afterwards (invariant 2). Pairs with `wake`.
    pub(crate) fn sleep<R>(&self, wait: impl FnOnce(), read: impl FnOnce() -> R) -> R {
        wait();
        let messages = read();
        // Up -> down: after the read, and before the caller looks. Acquire, for the release in
        // `wake`.
        self.is_pending.swap(false, Ordering::AcqRel);
        messages
    }
}
