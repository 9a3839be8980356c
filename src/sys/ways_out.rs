//! Owns the ways out of the process: with an exit code, by an abort, and by an abort that says why.
//! Refuses to decide that the process ends, and to run destructors.
#![allow(unsafe_code)]

use std::time::Duration;

use super::groups;
use super::stderr::write_stderr;

/// Leaves the process now: no destructors, no `atexit`, no other thread is waited for. The process groups of our children go
/// with it. May be called in a signal handler.
pub(crate) fn exit_now(code: i32) -> ! {
    groups::end_all();
    // SAFETY: `_exit` has no preconditions and does not return.
    unsafe { libc::_exit(code) }
}

/// Aborts. The process groups of our children go with it. May be called in a signal handler.
pub(crate) fn abort_now() -> ! {
    groups::end_all();
    std::process::abort()
}

/// Says why, and aborts.
pub(crate) fn die(why: &str) -> ! {
    write_stderr(why.as_bytes(), Duration::from_secs(1));
    write_stderr(b"\n", Duration::from_secs(1));
    abort_now()
}
