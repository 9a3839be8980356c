//! Owns the look at children that have ended and the taking of one out of the kernel's list, for a process that is the init of
//! others: of a container (pid 1), or by `PR_SET_CHILD_SUBREAPER`.
//! Refuses to know whose children they are.

use std::io;

use rustix::process::{Pid, WaitId, WaitIdOptions, getpid, waitid};

use super::proc::bytes_of;

/// Children of the main thread that have ended, and wait to be reaped. The kernel gives orphans to that thread; what another
/// thread has forked is that thread's, as long as it lives.
///
/// # Errors
/// The kernel does not list children by thread (`CONFIG_PROC_CHILDREN`).
pub(crate) fn ended_children() -> io::Result<Vec<u32>> {
    let pids = children()?.into_iter().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    Ok(pids.filter(|pid| wait_for(*pid, WaitIdOptions::NOWAIT)).collect())
}

/// The same, and those that have not ended.
pub(super) fn children() -> io::Result<Vec<Pid>> {
    let path = format!("/proc/self/task/{}/children", getpid().as_raw_nonzero());
    let listed = bytes_of(&path).map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
    let listed = String::from_utf8_lossy(&listed);
    Ok(listed.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect())
}

/// Takes it out of the kernel's list. True if it was there, and had ended.
pub(crate) fn reap(pid: u32) -> bool {
    wait_for(pid, WaitIdOptions::empty())
}

/// True if this child has ended. Does not block.
fn wait_for(pid: u32, how: WaitIdOptions) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let how = how | WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    pid.is_some_and(|pid| waitid(WaitId::Pid(pid), how).is_ok_and(|status| status.is_some()))
}
