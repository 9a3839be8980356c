//! Owns the pauses between the steps of work that is repeated while nothing changes: each is twice
//! as long as the one before, up to a limit.
//! Refuses to wait.

use std::time::Duration;

/// The pauses that are to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(crate) fn new(first: Duration, longest: Duration) -> Pauses {
        Pauses { next: first, longest }
    }

    /// Returns the next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next.min(self.longest);
        self.next = pause.saturating_mul(2);
        pause
    }
}
