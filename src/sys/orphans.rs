//! Owns the list of children that have ended, and their reaping, for a process that is the init of
//! others: of a container (pid 1), or by `PR_SET_CHILD_SUBREAPER`.
//! Refuses to know which code started a child.

use std::io;

use rustix::process::{Pid, WaitId, WaitIdOptions, getpid, waitid};

use super::proc::bytes_of;

/// Returns the children of the main thread that have ended and are not reaped yet. The kernel gives
/// orphans to the main thread. A child that another thread has forked is listed with that thread,
/// as long as that thread lives.
///
/// # Errors
/// The kernel does not list children by thread (`CONFIG_PROC_CHILDREN`).
pub(crate) fn ended_children() -> io::Result<Vec<u32>> {
    let pids = children()?.into_iter().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    Ok(pids.filter(|pid| wait_for(*pid, WaitIdOptions::NOWAIT)).collect())
}

/// Returns all children of the main thread, also if they have not ended.
pub(super) fn children() -> io::Result<Vec<Pid>> {
    let path = format!("/proc/self/task/{}/children", getpid().as_raw_nonzero());
    let listed = bytes_of(&path).map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
    let listed = String::from_utf8_lossy(&listed);
    Ok(listed.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect())
}

/// Reaps a child. True if the child was there and had ended. Does not block.
pub(crate) fn reap(pid: u32) -> bool {
    wait_for(pid, WaitIdOptions::empty())
}

/// True if this child has ended. Does not block. Reaps the child, unless `how` has `NOWAIT`.
fn wait_for(pid: u32, how: WaitIdOptions) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // An error means that `pid` is no child of ours, or was reaped by another thread.
    let how = how | WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    pid.is_some_and(|pid| waitid(WaitId::Pid(pid), how).is_ok_and(|status| status.is_some()))
}
