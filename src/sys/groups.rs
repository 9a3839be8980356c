//! Owns the list of the process groups of our children, and their end when this process is ended by force.
//! Refuses to lock, to allocate and to wait where the list is read: that is done in a signal handler, too.
//!
//! ```text
//! free --(known: its leader was started)--> known --(forgotten: its leader is to be reaped)--> free
//!                                             |
//!                                             +--(claimed: the process ends now)--> for ever
//! ```
//!
//! A group's number is its leader's pid, which is nobody else's until the leader is reaped. So a group is forgotten before its
//! leader is reaped, and the leader of one that is claimed is never reaped: the process that would do so is about to end.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::poll;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group};

/// How many groups one part of the list holds.
const PART: usize = 31;
/// No pid has this bit.
const CLAIMED: u64 = 1 << 31;

/// The pid of the process that made the group, and the group's number below it; 0 if the place is free. A process that
/// was forked from ours has a copy of the list, and none of the groups.
type Place = AtomicU64;

/// A part of the list, which is never freed: a handler may be in it.
struct Part {
    places: [Place; PART],
    next: OnceLock<Box<Part>>,
}

static FIRST: Part = Part::new();

impl Part {
    const fn new() -> Part {
        Part { places: [const { AtomicU64::new(0) }; PART], next: OnceLock::new() }
    }
}

/// While it lives, the group is ended with this process.
#[derive(Debug)]
pub(crate) struct Known {
    place: &'static Place,
    entry: u64,
}

impl Known {
    /// Notes the group of a leader that is not reaped. The list grows where all its places are taken.
    pub(crate) fn new(group: Pid) -> Known {
        let me = owner(getpid());
        let entry = me | number(group);
        let mut part = &FIRST;
        loop {
            // A place that another process has left in our copy of the list is as good as a free one.
            let take = |now: u64| (now == 0 || now & !u64::from(u32::MAX) != me).then_some(entry);
            let free = |place: &&Place| place.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok();
            if let Some(place) = part.places.iter().find(free) {
                return Known { place, entry };
            }
            part = part.next.get_or_init(|| Box::new(Part::new()));
        }
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        if self.place.compare_exchange(self.entry, 0, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // Claimed: whoever ends this process is about to send a signal to this number, which must stay the child's. So the
            // child is not reaped by us any more.
            loop {
                let _interrupted = poll(&mut [], None);
            }
        }
    }
}

/// Ends all process groups of our children, by SIGKILL, and takes the terminal back that one of them has: for whoever ends this
/// process next, and for nobody else.
///
/// May be called in a signal handler, on any thread, more than once: it reads words and makes system calls. Never blocks.
/// In a process that was forked from ours it does nothing.
pub(crate) fn end_all() {
    let me = owner(getpid());
    let mut part = Some(&FIRST);
    while let Some(Part { places, next }) = part {
        places.iter().filter_map(|place| claim(place, me)).for_each(end);
        part = next.get().map(|next| &**next);
    }
    super::terminal::take_back_now();
}

/// The group of this place, which stays the child's from now on.
fn claim(place: &Place, me: u64) -> Option<Pid> {
    let ours = |entry: u64| entry & !u64::from(u32::MAX) == me;
    let claimed = |entry: u64| ours(entry).then_some(entry | CLAIMED);
    let entry = place.fetch_update(Ordering::AcqRel, Ordering::Acquire, claimed).ok()?;
    Pid::from_raw(i32::try_from(entry & (CLAIMED - 1)).ok()?)
}

fn end(group: Pid) {
    // One that has left its group for another is a child all the same.
    if kill_process_group(group, Signal::KILL) == Err(Errno::SRCH) {
        let _gone = kill_process(group, Signal::KILL);
    }
}

fn owner(process: Pid) -> u64 {
    number(process) << 32
}

fn number(pid: Pid) -> u64 {
    u64::from(pid.as_raw_nonzero().get().unsigned_abs())
}
