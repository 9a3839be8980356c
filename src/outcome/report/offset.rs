//! Owns moments that are counted from a stop, and may lie before it.
//! Refuses to read a clock.

use std::fmt;
use std::time::{Duration, Instant};

use crate::outcome::words::Span;

/// A moment, counted from the beginning of a shutdown: the first request to stop, or the end of the
/// last worker if nothing asked for a stop. A moment before the stop is negative.
///
/// The time for which the process was suspended during the stop does not count. `Display` shows
/// `+1.50 s`, and `-20.0 ms` for a moment before the stop. With the feature `serde` it is a number
/// of seconds.
///
/// ```
/// use std::time::Duration;
///
/// homebound::scope(|scope| {
///     scope.service("clock", "waits to be told", |cx| Ok(drop(cx.wait_for_stop())))?;
///     let report = scope.shutdown(Duration::from_secs(5));
///     let clock = &report.threads[0];
///     assert!(clock.spawned.is_before() && clock.told <= clock.ended);
///     assert!(clock.ended.is_some_and(|ended| ended.after() < Duration::from_secs(5)));
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StopOffset {
    /// Nanoseconds since the stop. 64 bits hold 292 years.
    nanos: i64,
}

impl StopOffset {
    /// The moment `at`, for a shutdown that began at `began`. Both by one clock.
    pub(crate) fn between(began: Instant, at: Instant) -> StopOffset {
        let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        // `None` if `at` is earlier: then count the other way, and negate.
        match at.checked_duration_since(began) {
            Some(after) => StopOffset { nanos: nanos(after) },
            None => StopOffset { nanos: -nanos(began.saturating_duration_since(at)) },
        }
    }

    /// The moment of the stop plus `after`.
    pub(crate) fn of(after: Duration) -> StopOffset {
        StopOffset { nanos: i64::try_from(after.as_nanos()).unwrap_or(i64::MAX) }
    }

    /// Returns the time from the stop to this moment; zero if the moment lies before the stop.
    pub fn after(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.nanos).unwrap_or(0))
    }

    /// Returns the time from this moment to the stop; zero if the moment lies after the stop.
    pub fn before(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.nanos.saturating_neg()).unwrap_or(0))
    }

    /// True if the moment lies before the stop.
    pub fn is_before(self) -> bool {
        self.nanos < 0
    }

    /// Returns the seconds since the stop, negative before it.
    pub fn as_secs_f64(self) -> f64 {
        if self.is_before() { -self.before().as_secs_f64() } else { self.after().as_secs_f64() }
    }
}

impl fmt::Display for StopOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_before() {
            true => write!(f, "-{}", Span(self.before())),
            false => write!(f, "+{}", Span(self.after())),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for StopOffset {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_f64(self.as_secs_f64())
    }
}
