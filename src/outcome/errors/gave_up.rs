//! Owns the error of a thread that was restarted too often, and how near a thread is to it.
//! Refuses to decide that: `work::restart::decision` does.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::outcome::errors::failure::Failure;
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
    limit: Limit,
}

/// How near a thread is to the limits of its policy, when the policy was asked last.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Streak {
    /// Number of failures since the last stable run.
    pub(crate) failures: u32,
    /// Number of failures in a row at which the policy gives up.
    pub(crate) gives_up_at: Option<u32>,
    /// Number of restarts within a period, the most that the policy allows, and the period.
    pub(crate) within: Option<(u32, u32, Duration)>,
}

/// The limit of a policy that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// So many failures in a row.
    Row(u32),
    /// The restarts within a period, of the thread itself.
    Own,
    /// The restarts within a period, of all children of a supervisor together.
    Shared,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Row(1) => f.write_str("at the first failure"),
            Limit::Row(most) => write!(f, "at {most} failures in a row"),
            Limit::Own => f.write_str("the limit of its own policy"),
            Limit::Shared => f.write_str("the limit of its supervisor"),
        }
    }
}

impl GaveUp {
    pub(crate) fn new(child: &str, restarts: u32, within: Duration, limit: Limit, last: Failure) -> GaveUp {
        GaveUp { child: child.to_owned(), restarts, within, last, limit }
    }
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GaveUp { child, restarts, within, last, limit } = self;
        let plural = if *restarts == 1 { "" } else { "s" };
        write!(
            f,
            "gave up {} after {restarts} restart{plural} within {} ({limit}): {last}",
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
