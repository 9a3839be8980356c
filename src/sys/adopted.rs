//! Owns the adoption of orphans for a time (`PR_SET_CHILD_SUBREAPER`), and the reaping of the
//! adopted members of a child's group.
//! Refuses to reap an orphan outside of our groups, because it cannot be told from a child that the
//! program has started itself.
//!
//! Without an adoption, the kernel gives the processes that a child has started to the init when
//! the child is killed, and they stay zombies until the init reaps them.

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
    /// The pid of the process that these threads are in; 0 before the first. Written by
    /// `Adoption::begin`. A process that was forked from ours has a copy of it, and none of the
    /// threads.
    process: i32,
    /// The number of `Adoption`s that live. Changed when one begins and when one is dropped.
    count: usize,
}

static ADOPTERS: Mutex<Adopters> = Mutex::new(Adopters { process: 0, count: 0 });

/// While a value lives, the kernel gives the orphans among our descendants to the main thread.
#[derive(Debug)]
pub(crate) struct Adoption(());

impl Adoption {
    /// Begins an adoption. `None` if the program is a subreaper by its own choice, which must not
    /// be undone, or if this process could not list the orphans that it adopts, and so could not
    /// reap them.
    pub(crate) fn begin() -> Option<Adoption> {
        children().ok()?;
        let me = getpid();
        // When the main thread has ended, the kernel gives orphans to another thread. They would be
        // in no list that is read here.
        super::thread_of(me.as_raw_nonzero().get().unsigned_abs()).ok()??;
        let mut adopters = ADOPTERS.lock();
        // In a forked child, the count is a copy of the parent's, so begin again.
        if adopters.process != me.as_raw_nonzero().get() {
            *adopters = Adopters { process: me.as_raw_nonzero().get(), count: 0 };
        }
        // The first adopter makes this process a subreaper. The last one ends that when it is
        // dropped.
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
            // Pairs with `groups::end_all`, which notes the end by force and then adopts for good.
            // Look only after the call above: an end that was not noted by then adopts after the
            // call, and so is not undone by it.
            groups::adopt_at_the_end();
        }
    }
}

/// Reaps the members of a group that were given to this process. Blocks until no member is left,
/// for 200 ms at most. The caller has sent SIGKILL to the group, and reaps the leader afterwards,
/// because until then no other group can get the number.
pub(crate) fn reap_group(leader: u32) {
    let Some(leader) = i32::try_from(leader).ok().and_then(Pid::from_raw) else { return };
    let start = Instant::now();
    // Look again, because a member that was reaped may have left children, which the kernel gives
    // to this process when that member ends.
    while reap_some(leader) > 0 && start.elapsed() < PATIENCE {
        let _interrupted = poll(&mut [], Some(&LOOK));
    }
}

/// Reaps the adopted members that have ended. Returns how many members were listed, also if they
/// have not ended.
fn reap_some(leader: Pid) -> usize {
    // Under the lock, because the kernel may leave a child out of the list if another child is
    // reaped meanwhile.
    let adopters = ADOPTERS.lock();
    if adopters.process != getpid().as_raw_nonzero().get() {
        // This process has adopted no orphan yet.
        return 0;
    }
    let is_member = |pid: &Pid| *pid != leader && group_of(*pid) == Some(leader);
    let members: Vec<Pid> = children().unwrap_or_default().into_iter().filter(is_member).collect();
    for member in &members {
        let _ended = reap(member.as_raw_nonzero().get().unsigned_abs());
    }
    members.len()
}
