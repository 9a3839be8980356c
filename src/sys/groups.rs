//! Owns the list of the process groups of our children, and their end when this process is ended by force.
//! Refuses to lock, to allocate and to wait for long where the list is read: that is done in a signal handler, too.
//!
//! ```text
//! free --(known: its leader was started)--> known --(forgotten: its leader is to be reaped)--> free
//!                                             |
//!                                             +--(claimed: the process ends now)--> for ever
//! ```
//!
//! A group's number is its leader's pid, which is nobody else's until the leader is reaped. So a group is forgotten
//! before its leader is reaped, and the leader of one that is claimed is reaped here, after its end: the thread that
//! looked after it stands still.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, kill_process_group, waitid};

/// How many groups one part of the list holds.
const PART: usize = 31;
/// No pid has this bit.
const CLAIMED: u64 = 1 << 31;
/// How long the end of the groups is waited for, and how long until the next look.
pub(super) const PATIENCE: Duration = Duration::from_millis(200);
pub(super) const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// The pid of the process that made the group, and the group's number below it; 0 if the place is free. A process that
/// was forked from ours has a copy of the list, and none of the groups.
type Place = AtomicU64;

/// A part of the list, which is never freed: a handler may be in it.
struct Part {
    places: [Place; PART],
    next: OnceLock<Box<Part>>,
}

static FIRST: Part = Part::new();
/// The process that is being ended by force; 0 for none.
static ENDING: AtomicU64 = AtomicU64::new(0);

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
            // Claimed: whoever ends this process sends a signal to this number, which must stay the child's.
            stand_still();
        }
    }
}

/// Never returns where this process is being ended by force, in which children are reaped behind the back of the
/// threads that look after them.
pub(crate) fn stand_still_at_the_end() {
    if is_ending() {
        stand_still();
    }
}

/// Adopts orphans where this process is being ended by force.
#[cfg(target_os = "linux")]
pub(super) fn adopt_at_the_end() {
    if is_ending() {
        adopt_orphans();
    }
}

fn is_ending() -> bool {
    ENDING.load(Ordering::SeqCst) == owner(getpid())
}

fn stand_still() -> ! {
    loop {
        let _interrupted = poll(&mut [], None);
    }
}

/// Ends all process groups of our children, by SIGKILL, and takes the terminal back that one of them has: for whoever
/// ends this process next, and for nobody else. When it returns they are gone, but for what the kernel does not let go
/// of within 200 ms.
///
/// May be called in a signal handler, on any thread, more than once: it reads words and makes system calls.
/// In a process that was forked from ours it does nothing.
pub(crate) fn end_all() {
    let me = owner(getpid());
    ENDING.store(me, Ordering::SeqCst);
    adopt_orphans();
    for_each_group(me, &mut end);
    super::terminal::take_back_now();
    let start = Instant::now();
    // Again, for one that was started meanwhile. A group of which somebody is left is still that of our child.
    while end_those_left(me) > 0 && start.elapsed() < PATIENCE {
        let _interrupted = poll(&mut [], Some(&LOOK));
    }
}

fn end_those_left(me: u64) -> usize {
    let mut left = 0;
    for_each_group(me, &mut |group| {
        if !is_gone(group) {
            end(group);
            left += 1;
        }
    });
    left
}

/// Calls `act` with each group of this process, which stays its own from now on.
fn for_each_group(me: u64, act: &mut dyn FnMut(Pid)) {
    let mut next = Some(&FIRST);
    while let Some(part) = next {
        part.places.iter().filter_map(|place| claim(place, me)).for_each(&mut *act);
        next = part.next.get().map(|next| &**next);
    }
}

/// What a child has started is ours to reap when the child is gone.
fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _refused = rustix::process::set_child_subreaper(Some(getpid()));
}

/// Reaps who has ended. True if nobody of the group is left who is our child, or was adopted.
fn is_gone(group: Pid) -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    loop {
        match waitid(WaitId::Pgid(Some(group)), look) {
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// The group of this place.
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
