//! Owns the ways out of the process: with an exit code, by an abort, and by an abort that says why.
//! Refuses to decide that the process ends, and to run destructors.
#![allow(unsafe_code)]

use std::time::Duration;

use super::groups;
use super::probe_file;
use super::stderr::write_stderr;

/// Ends the process at once, with its children's process groups. No destructor and no `atexit`
/// function runs, and no other thread is waited for. May be called in a signal handler.
pub(crate) fn exit_now(code: i32) -> ! {
    // First, because nothing ends the groups once this process is gone.
    groups::end_all();
    probe_file::remove_at_exit();
    // SAFETY: `_exit` has no preconditions and does not return.
    unsafe { libc::_exit(code) }
}

/// Aborts the process, and ends its children's process groups first. May be called in a signal
/// handler.
pub(crate) fn abort_now() -> ! {
    groups::end_all();
    probe_file::remove_at_exit();
    std::process::abort()
}

/// Writes `why` and a line end to stderr, for a second each at most, and aborts.
pub(crate) fn die(why: &str) -> ! {
    write_stderr(why.as_bytes(), Duration::from_secs(1));
    write_stderr(b"\n", Duration::from_secs(1));
    abort_now()
}
