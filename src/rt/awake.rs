//! Owns the clock of graces, shares and shields: the time for which the process was awake since it began.
//! Refuses to count the time for which the process was suspended while a registry was being stopped (SIGSTOP, a paused container, a
//! suspended machine): nobody could save anything then.
//!
//! *watch* beats while its root is being stopped. A beat that comes much too late tells of a suspension: what is beyond the tolerance is
//! taken off the clock for ever. Whoever looks at the clock after a suspension and before that beat sees it stand still.
//!
//! Moments of this clock are `Instant`s, behind those of the system by what was taken off: the same, where nothing was.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often it beats, and how late after the one before a beat may come.
pub(crate) const BEAT: Duration = Duration::from_millis(100);
const TOLERANCE: Duration = Duration::from_millis(250);

/// What was taken off, in nanoseconds.
static TAKEN_OFF: AtomicU64 = AtomicU64::new(0);
/// The moment of the last beat by this clock, in nanoseconds since `base`; 0: nobody beats.
static LAST: AtomicU64 = AtomicU64::new(0);

fn base() -> Instant {
    static BASE: OnceLock<Instant> = OnceLock::new();
    *BASE.get_or_init(Instant::now)
}

fn taken_off() -> Duration {
    Duration::from_nanos(TAKEN_OFF.load(Ordering::Acquire))
}

fn behind(at: Instant, by: Duration) -> Instant {
    at.checked_sub(by).unwrap_or(at)
}

/// The moment up to which the clock may run before the next beat.
fn limit() -> Option<Instant> {
    let last = Some(LAST.load(Ordering::Acquire)).filter(|last| *last != 0)?;
    base().checked_add(Duration::from_nanos(last))?.checked_add(TOLERANCE)
}

/// Now, by this clock.
pub(crate) fn now() -> Instant {
    // In this order: whoever sees a beat sees what was taken off with it.
    let limit = limit();
    let now = behind(Instant::now(), taken_off());
    limit.map_or(now, |limit| limit.min(now))
}

/// A moment of this clock, by the system's: when to wake up for it. To be asked anew after each sleep.
pub(crate) fn system(at: Instant) -> Instant {
    at.checked_add(lag()).unwrap_or(at)
}

/// A moment of the system's clock, by this one.
pub(crate) fn of_system(at: Instant) -> Instant {
    behind(at, lag())
}

/// How far this clock is behind the system's.
fn lag() -> Duration {
    let is_free = LAST.load(Ordering::Acquire) == 0;
    if is_free { taken_off() } else { Instant::now().saturating_duration_since(now()) }
}

/// For *watch*: a beat. True if the process was suspended since the last one.
pub(crate) fn beat() -> bool {
    let now = behind(Instant::now(), taken_off());
    let lost = limit().map_or(Duration::ZERO, |limit| now.saturating_duration_since(limit));
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    TAKEN_OFF.fetch_add(nanos(lost), Ordering::AcqRel);
    let last = behind(now, lost).saturating_duration_since(base());
    LAST.store(nanos(last).max(1), Ordering::Release);
    lost > Duration::ZERO
}

/// For *watch*: it has worked since the last beat, and was not suspended.
pub(crate) fn worked() {
    if LAST.load(Ordering::Acquire) != 0 {
        let last = behind(Instant::now(), taken_off()).saturating_duration_since(base());
        LAST.store(u64::try_from(last.as_nanos()).unwrap_or(u64::MAX).max(1), Ordering::Release);
    }
}

/// Nobody beats any more, and the clock runs freely.
pub(crate) fn rest() {
    LAST.store(0, Ordering::Release);
}
