//! Owns the clock of graces, shares and shields: the time for which the process was awake since it began.
//! Refuses to count the time for which the process was suspended while a registry was being stopped (SIGSTOP, a paused container, a
//! suspended machine): nobody could save anything then.
//!
//! *watch* beats while its root is being stopped. A beat that comes much too late tells of a suspension: what is beyond the tolerance is
//! taken off the clock for ever. Whoever looks at the clock after a suspension and before that beat sees it stand still.
//!
//! ```text
//! off --attend--> attended --begin, beat--> beating --rest--> off
//! ```
//! A stop is the first beat itself, by the thread that asks for it, so that a suspension is seen
//! which comes before *watch* has woken up for that. The clock cannot stand still for ever: a stop
//! makes it beat only while it is attended, by a *watch* that goes on to beat until it rests; after
//! that, the word says *off*, and a stop leaves it so.
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
/// The moment of the last beat by this clock, in nanoseconds since `base`; or one of the two below,
/// when nobody beats.
static LAST: AtomicU64 = AtomicU64::new(OFF);
/// There is no *watch*.
const OFF: u64 = 0;
/// There is one, and it will beat when a stop has begun.
const ATTENDED: u64 = 1;
const FIRST: u64 = 2;

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
    let last = Some(LAST.load(Ordering::Acquire)).filter(|last| *last >= FIRST)?;
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
    if beats() { Instant::now().saturating_duration_since(now()) } else { taken_off() }
}

/// For *watch*, at its start.
pub(crate) fn attend() {
    LAST.store(ATTENDED, Ordering::Release);
}

/// A stop begins: the first beat, unless there was one, or there is no *watch* that would go on.
/// Neither locks nor allocates.
pub(crate) fn begin() {
    let at = word(behind(Instant::now(), taken_off()));
    let _was_before = LAST.compare_exchange(ATTENDED, at, Ordering::AcqRel, Ordering::Acquire);
}

/// True from the first beat on.
pub(crate) fn beats() -> bool {
    LAST.load(Ordering::Acquire) >= FIRST
}

/// A moment of this clock, as `LAST` has it.
fn word(at: Instant) -> u64 {
    nanos(at.saturating_duration_since(base())).max(FIRST)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// For *watch*: a beat. True if the process was suspended since the last one.
pub(crate) fn beat() -> bool {
    let now = behind(Instant::now(), taken_off());
    let lost = limit().map_or(Duration::ZERO, |limit| now.saturating_duration_since(limit));
    TAKEN_OFF.fetch_add(nanos(lost), Ordering::AcqRel);
    LAST.store(word(behind(now, lost)), Ordering::Release);
    lost > Duration::ZERO
}

/// For *watch*: it has worked since the last beat, and was not suspended.
pub(crate) fn worked() {
    if beats() {
        LAST.store(word(behind(Instant::now(), taken_off())), Ordering::Release);
    }
}

/// Nobody beats any more, and the clock runs freely.
pub(crate) fn rest() {
    LAST.store(OFF, Ordering::Release);
}
