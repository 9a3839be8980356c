//! Owns the calls that make, set and delete a timer of the kernel's, whose signal goes to one
//! thread.
//! Refuses to know what the timer is for.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// The place of a timer if there is none.
pub(super) const NO_TIMER: usize = usize::MAX;

/// Makes a timer, which sends this signal to the calling thread.
pub(super) fn create(signal: i32) -> io::Result<usize> {
    let mut event = MaybeUninit::<libc::sigevent>::zeroed();
    // SAFETY: all-zero bytes are a valid `sigevent`.
    let event = unsafe { event.assume_init_mut() };
    event.sigev_notify = libc::SIGEV_THREAD_ID;
    event.sigev_signo = signal;
    event.sigev_notify_thread_id = rustix::thread::gettid().as_raw_nonzero().get();
    let mut timer: libc::timer_t = null_mut();
    // SAFETY: both pointers are valid, and the thread is the calling one.
    match unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, event, &raw mut timer) } {
        0 => Ok(timer as usize),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Deletes the timer, which was taken out of its place, so that it is deleted once.
pub(super) fn delete(timer: usize) {
    if timer != NO_TIMER {
        // SAFETY: the timer is from `create`, and is deleted once, as the caller promises.
        unsafe { libc::timer_delete(timer as libc::timer_t) };
    }
}

/// Sets the timer to this moment, in nanoseconds of the monotonic clock. May be called in a signal
/// handler.
pub(super) fn set(timer: usize, due: u64) {
    let seconds = libc::time_t::try_from(due / 1_000_000_000).unwrap_or(libc::time_t::MAX);
    // Less than 10^9, so nothing is cut.
    let nanos = (due % 1_000_000_000) as libc::c_long;
    let once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let when =
        libc::itimerspec { it_interval: once, it_value: libc::timespec { tv_sec: seconds, tv_nsec: nanos } };
    // SAFETY: `when` is valid for reading. A timer that was deleted meanwhile is an error. The call
    // is one system call, fit for handlers.
    unsafe { libc::timer_settime(timer as libc::timer_t, libc::TIMER_ABSTIME, &raw const when, null_mut()) };
}
