//! Owns the arithmetic of moments that cannot overflow.
//! Refuses to read a clock.

use std::time::{Duration, Instant};

/// A moment in the future, or one so far away that nobody will see it.
pub(crate) fn after(from: Instant, by: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    let end = from.checked_add(by).or_else(|| from.checked_add(CENTURY));
    // So near to the last of all moments that `from` itself is one that nobody will see.
    end.unwrap_or(from)
}
