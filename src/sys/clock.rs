//! Owns the reading of the monotonic clock as a number, which a signal handler can store and
//! compare.
//! Refuses to convert the number to an `Instant`.
#![allow(unsafe_code)]

/// Returns the time in nanoseconds of the clock behind `Instant`. May be called in a signal
/// handler.
pub(super) fn monotonic() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one `timespec`, and `time` is valid for writing. The clock exists on
    // every system for which this file is compiled.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}
