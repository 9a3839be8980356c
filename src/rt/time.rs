//! Owns the arithmetic of instants that cannot overflow, and the age of a coarse reading.
//! Refuses to wait.

use std::time::{Duration, Instant};

use crate::sys;

/// Returns `from + by`. If the clock cannot express that, returns an instant so far away that the
/// process will not see it.
pub(crate) fn after(from: Instant, by: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    let end = from.checked_add(by).or_else(|| from.checked_add(CENTURY));
    // Even a century overflows, so `from` itself is further away than the process will live.
    end.unwrap_or(from)
}

/// Returns the time since a reading of the coarse clock.
pub(crate) fn coarse_since(at: u64) -> Duration {
    Duration::from_nanos(sys::coarse().saturating_sub(at))
}
