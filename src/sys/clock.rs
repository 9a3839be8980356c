//! Owns the reading of the monotonic clock as a number: exactly, for a signal handler to store and
//! compare, and coarsely, for as little as a few nanoseconds. And the clock and the ticks of
//! `/proc`.
//! Refuses to convert the number to an `Instant`.
#![allow(unsafe_code)]

/// Returns the time in nanoseconds of the clock behind `Instant`. May be called in a signal
/// handler.
pub(crate) fn monotonic() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// Returns the time in nanoseconds, as of the last tick of the kernel: 1 to 10 ms old. Costs a
/// fifth of [`monotonic`], because the kernel's tick has written the number already. Exact on
/// systems without such a clock.
pub(crate) fn coarse() -> u64 {
    #[cfg(target_os = "linux")]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC_COARSE;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
    read(CLOCK)
}

/// Returns the time since the machine was started, suspensions included: the clock by which the
/// kernel tells when a process was started.
#[cfg(target_os = "linux")]
pub(super) fn since_boot() -> std::time::Duration {
    std::time::Duration::from_nanos(read(libc::CLOCK_BOOTTIME))
}

/// Returns how many of the ticks in which the kernel tells times are in a second.
#[cfg(target_os = "linux")]
pub(super) fn ticks_per_second() -> u64 {
    // SAFETY: the call has no preconditions.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).ok().filter(|ticks| *ticks > 0).unwrap_or(100)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one `timespec`, and `time` is valid for writing. Each clock
    // above exists on the systems for which its line is compiled.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}
