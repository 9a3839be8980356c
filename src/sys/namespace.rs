//! Owns the look at process groups and sessions that may lie outside of this process's PID
//! namespace. The kernel shows such a group or session as 0.
//! Refuses to make a `Pid` of 0. rustix's `getpgrp`, `getpgid` and `getsid` do that (as of 1.1),
//! which is undefined behaviour in a container whose first process has not made a session of its
//! own, and a panic in a debug build.
#![allow(unsafe_code)]

use rustix::process::Pid;

/// Returns the process group of this process. `None` if the group lies outside of the namespace.
pub(super) fn own_group() -> Option<Pid> {
    // SAFETY: `getpgrp` has no preconditions, and cannot fail.
    inside(unsafe { libc::getpgrp() })
}

/// Returns the session of this process. `None` if the session lies outside of the namespace.
pub(super) fn own_session() -> Option<Pid> {
    // SAFETY: `getsid` has no preconditions. It does not fail for the calling process; if it did,
    // `inside` would turn its -1 into `None`.
    inside(unsafe { libc::getsid(0) })
}

/// Returns the process group of a process. `None` if the group lies outside of the namespace, or if
/// the process is gone.
pub(super) fn group_of(process: Pid) -> Option<Pid> {
    // SAFETY: `getpgid` has no preconditions. It returns -1 for a process that is gone.
    inside(unsafe { libc::getpgid(process.as_raw_nonzero().get()) })
}

/// `None` for 0 (outside of the namespace) and for -1 (the call failed).
fn inside(id: i32) -> Option<Pid> {
    if id > 0 { Pid::from_raw(id) } else { None }
}
