//! Owns the error of a thread that was restarted too often.
//! Refuses to decide that: `work::restart::decision` does.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::outcome::failure::Failure;
use crate::outcome::words::Span;
use crate::rt::shown::Shown;

/// The failure of a thread, or of a supervisor, that has given up: it was restarted as often as its
/// policy allows, and failed once more.
/// [`Failure::downcast_ref`](crate::Failure::downcast_ref) finds it in the failures of the scope,
/// and behind it the error of the last run.
#[derive(Debug)]
#[non_exhaustive]
pub struct GaveUp {
    /// The name of the thread.
    pub child: String,
    /// The number of restarts that were made within `within`.
    pub restarts: u32,
    /// The period of the policy's intensity; if the failures in a row were too many, the time from
    /// the first of them to the last.
    pub within: Duration,
    /// The failure that would have needed one more restart.
    pub last: Failure,
}

impl GaveUp {
    pub(crate) fn new(child: &str, restarts: u32, within: Duration, last: Failure) -> GaveUp {
        GaveUp { child: child.to_owned(), restarts, within, last }
    }
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GaveUp { child, restarts, within, last } = self;
        let plural = if *restarts == 1 { "" } else { "s" };
        write!(
            f,
            "gave up {} after {restarts} restart{plural} within {}: {last}",
            Shown(child),
            Span(*within)
        )
    }
}

impl Error for GaveUp {
    /// The last failure.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.last)
    }
}
