//! Owns the wake-up of *watch*: the pipe of the process, and the flag that keeps its room free for
//! signals.
//! Refuses to know why *watch* is woken: *watch* looks at everything after each sleep.

use std::time::{Duration, Instant};

use crate::rt::coalesced::Coalesced;
use crate::sys::{WakePipe, Woken};

/// Wakes *watch*. One for each run, because a flag that an earlier run has left up would silence
/// this one.
pub(crate) struct Waker {
    /// It belongs to the process, for ever, because a handler may still be on its way to it when
    /// the registry is over.
    pub(crate) pipe: &'static WakePipe,
    coalesced: Coalesced,
}

impl Waker {
    pub(crate) fn new(pipe: &'static WakePipe) -> Waker {
        Waker { pipe, coalesced: Coalesced::new() }
    }

    /// Wakes *watch*, after a change. Writes one message, however often it is called before *watch*
    /// has read it, because the room in the pipe is needed for signals. Neither locks nor
    /// allocates. Pairs with `sleep`.
    pub(crate) fn wake(&self) {
        self.coalesced.wake(|| self.pipe.notify());
    }

    /// For *watch*: blocks until `wake` is called, a signal comes, or `until` passes. May return
    /// early, without a cause. Pairs with `wake` and with the handler of signals, `on_signal`.
    pub(crate) fn sleep(&self, until: Option<Instant>) -> Woken {
        self.coalesced.sleep(|| self.pipe.wait(until), || self.pipe.read())
    }

    /// For *watch*: writes to stderr as `write_stderr` does. Meanwhile `attend` does what *watch*
    /// does between two sleeps: it gets the messages that have come, and returns the moment of its
    /// next call. So nothing waits for the reader of stderr. Pairs with `wake`.
    pub(crate) fn write_stderr(
        &self,
        text: &[u8],
        patience: Duration,
        attend: &mut dyn FnMut(&Woken) -> Option<Instant>,
    ) -> usize {
        let mut turn = || attend(&self.coalesced.sleep(|| (), || self.pipe.read()));
        self.pipe.write_stderr(text, patience, &mut turn)
    }
}
