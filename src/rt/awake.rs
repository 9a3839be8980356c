//! Owns the clock of graces, shares and shields: the time for which the process was awake since it
//! began.
//! Refuses to count the time for which the process was suspended while a registry was being stopped
//! (SIGSTOP, a paused container, a suspended machine), because no thread could save anything then.
//!
//! *watch* beats while its root is being stopped. A beat that comes much too late tells of a
//! suspension, and the time beyond the tolerance is taken off the clock for ever. A thread that
//! reads the clock between a suspension and that beat sees the clock stand still.
//!
//! ```text
//! off --attend--> attended --begin, beat--> beating --rest--> off
//! ```
//! The first beat is made by the thread that asks for the stop (`begin`), so that a suspension is
//! noticed even if it comes before *watch* has woken up. The clock cannot stand still for ever,
//! because a stop makes it beat only while it is attended by a *watch*, which goes on to beat until
//! it rests. After that the state is *off*, and a stop leaves it so.
//!
//! Instants of this clock are `Instant`s that lag behind the clock of the system by the time that
//! was taken off. Where none was taken off, both clocks agree.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time between two beats, by which *watch* notices a suspension.
pub(crate) const BEAT: Duration = Duration::from_millis(100);
/// How late after the beat before it a beat may come. More is a suspension: a busy machine delays
/// *watch*, too.
const TOLERANCE: Duration = Duration::from_millis(250);

/// The time that was taken off, in nanoseconds. Only `beat` raises it.
static TAKEN_OFF: AtomicU64 = AtomicU64::new(0);
/// The state of the clock: `OFF`, `ATTENDED`, or, while it beats, the instant of the last beat by
/// this clock, in nanoseconds since `base`.
static LAST: AtomicU64 = AtomicU64::new(OFF);
/// No registry has a *watch*.
const OFF: u64 = 0;
/// There is a *watch*, and it will beat when a stop has begun.
const ATTENDED: u64 = 1;
/// The smallest word that is an instant.
const FIRST: u64 = 2;

/// The instant that words in `LAST` count from: the first one that anything asked for.
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

/// The instant that the clock does not pass before the next beat. `None` if it does not beat.
fn limit() -> Option<Instant> {
    let last = Some(LAST.load(Ordering::Acquire)).filter(|last| *last >= FIRST)?;
    base().checked_add(Duration::from_nanos(last))?.checked_add(TOLERANCE)
}

/// Returns the present by this clock.
pub(crate) fn now() -> Instant {
    // `LAST` before `TAKEN_OFF`: `beat` writes them in the other order, with Release, so a thread
    // that reads a beat also reads the time that this beat took off. The other way round the clock
    // would jump ahead by that time.
    let limit = limit();
    let now = behind(Instant::now(), taken_off());
    limit.map_or(now, |limit| limit.min(now))
}

/// Converts an instant of this clock to one of the system's clock, to sleep until it. To be
/// converted anew after each sleep, because the lag grows.
pub(crate) fn system(at: Instant) -> Instant {
    at.checked_add(lag()).unwrap_or(at)
}

/// Converts an instant of the system's clock to one of this clock.
pub(crate) fn of_system(at: Instant) -> Instant {
    behind(at, lag())
}

/// The time by which this clock lags behind the system's.
fn lag() -> Duration {
    if beats() { Instant::now().saturating_duration_since(now()) } else { taken_off() }
}

/// Called by *watch* at its start. Off -> attended.
pub(crate) fn attend() {
    LAST.store(ATTENDED, Ordering::Release);
}

/// Called by the thread that begins a stop: the first beat, unless there was one, or there is no
/// *watch* that would go on to beat. Neither locks nor allocates.
pub(crate) fn begin() {
    let at = word(behind(Instant::now(), taken_off()));
    // Attended -> beating. In one step, because `rest` may turn the clock off meanwhile, and then
    // no thread would beat.
    let _was_before = LAST.compare_exchange(ATTENDED, at, Ordering::AcqRel, Ordering::Acquire);
}

/// True while the clock beats: from the first beat of a stop until *watch* rests.
pub(crate) fn beats() -> bool {
    LAST.load(Ordering::Acquire) >= FIRST
}

/// An instant of this clock as a word for `LAST`.
fn word(at: Instant) -> u64 {
    nanos(at.saturating_duration_since(base())).max(FIRST)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Called by *watch*: a beat. True if the process was suspended since the beat before.
pub(crate) fn beat() -> bool {
    let now = behind(Instant::now(), taken_off());
    let lost = limit().map_or(Duration::ZERO, |limit| now.saturating_duration_since(limit));
    // In this order: `now` reads them in the other.
    TAKEN_OFF.fetch_add(nanos(lost), Ordering::AcqRel);
    LAST.store(word(behind(now, lost)), Ordering::Release);
    lost > Duration::ZERO
}

/// Called by *watch* after work that may have taken long. The time since the last beat was no
/// suspension, so it counts.
pub(crate) fn worked() {
    if beats() {
        LAST.store(word(behind(Instant::now(), taken_off())), Ordering::Release);
    }
}

/// Called by *watch* at its end. Beating or attended -> off: the clock runs freely.
pub(crate) fn rest() {
    LAST.store(OFF, Ordering::Release);
}
