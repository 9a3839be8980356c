//! Owns the adoption of orphans for a moment (`PR_SET_CHILD_SUBREAPER`), and the reaping of what was adopted of a child's group.
//! Refuses to reap an orphan of no group of ours: it cannot be told from a child that the program has started itself.
//!
//! Without it, what a child has started is given to the init when the child is killed, and is a zombie until that looks.

use std::time::Instant;

use parking_lot::Mutex;
use rustix::event::poll;
use rustix::process::{Pid, child_subreaper, getpid, set_child_subreaper};

use super::groups::{self, LOOK, PATIENCE};
use super::namespace::group_of;
use super::orphans::{children, reap};

/// The threads that want orphans adopted.
#[derive(Debug)]
struct Adopters {
    /// The process that they are in; 0 if none ever was. A process that was forked from ours has a copy, and none of the threads.
    process: i32,
    count: usize,
}

static ADOPTERS: Mutex<Adopters> = Mutex::new(Adopters { process: 0, count: 0 });

/// While it lives, the kernel gives the orphans among our descendants to the main thread.
#[derive(Debug)]
pub(crate) struct Adoption(());

impl Adoption {
    /// `None` if nothing is to be undone: the program is a subreaper by its own choice, or this process could not find what it
    /// adopts, and so not reap it.
    pub(crate) fn begin() -> Option<Adoption> {
        children().ok()?;
        let me = getpid();
        // Another thread has all orphans when the main thread has ended: they would be in no list that is read here.
        super::thread_of(me.as_raw_nonzero().get().unsigned_abs()).ok()??;
        let mut adopters = ADOPTERS.lock();
        if adopters.process != me.as_raw_nonzero().get() {
            *adopters = Adopters { process: me.as_raw_nonzero().get(), count: 0 };
        }
        if adopters.count == 0 {
            if child_subreaper().ok()?.is_some() {
                return None;
            }
            set_child_subreaper(Some(me)).ok()?;
        }
        adopters.count += 1;
        Some(Adoption(()))
    }
}

impl Drop for Adoption {
    fn drop(&mut self) {
        let mut adopters = ADOPTERS.lock();
        adopters.count = adopters.count.saturating_sub(1);
        if adopters.count == 0 {
            let _was_allowed_before = set_child_subreaper(None);
            // An end by force that has begun meanwhile adopts for good. Looked at after the call: what begins later calls later.
            groups::adopt_at_the_end();
        }
    }
}

/// Reaps the members of a group that were given to this process. The caller has sent SIGKILL to the group, and reaps the leader
/// afterwards: until then the number is the group's. Returns when no member is left, or after 200 ms.
pub(crate) fn reap_group(leader: u32) {
    let Some(leader) = i32::try_from(leader).ok().and_then(Pid::from_raw) else { return };
    let start = Instant::now();
    // Again: a member that was reaped may have left children, which are given to this process at its end.
    while reap_some(leader) > 0 && start.elapsed() < PATIENCE {
        let _interrupted = poll(&mut [], Some(&LOOK));
    }
}

/// Reaps the adopted members that have ended. Returns how many were listed, ended or not.
fn reap_some(leader: Pid) -> usize {
    // Under the lock: the kernel may leave one out of the list when another is reaped meanwhile.
    let adopters = ADOPTERS.lock();
    if adopters.process != getpid().as_raw_nonzero().get() {
        // Nobody has adopted anything yet.
        return 0;
    }
    let is_member = |pid: &Pid| *pid != leader && group_of(*pid) == Some(leader);
    let members: Vec<Pid> = children().unwrap_or_default().into_iter().filter(is_member).collect();
    for member in &members {
        let _ended = reap(member.as_raw_nonzero().get().unsigned_abs());
    }
    members.len()
}
