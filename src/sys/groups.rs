//! Owns the list of our children's process groups, and their end when this process is ended by
//! force.
//! Refuses to lock, to allocate and to wait for long where the list is read, because a signal
//! handler reads it, too.
//!
//! ```text
//! free --(Known::new, leader started)--> known --(drop, leader about to be reaped)--> free
//!                                          |
//!                                          +--(claim, the process ends)--> claimed for ever
//! ```
//!
//! A group's number is its leader's pid, which no other process gets until the leader is reaped. So
//! a group leaves the list before its leader is reaped. The leader of a claimed group is reaped
//! here, after the end of the group, and the thread that looked after the group stands still.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, kill_process_group, waitid};

/// The number of groups in one part of the list.
const PART: usize = 31;
/// Marks a claimed place. No pid has this bit.
const CLAIMED: u64 = 1 << 31;
/// The longest wait for the end of the groups, and the pause until the next look.
pub(super) const PATIENCE: Duration = Duration::from_millis(200);
pub(super) const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// A place of the list. Its upper half is the pid of the process that made the group, and its lower
/// half the number of the group; 0 if the place is free. A process that was forked from ours has a
/// copy of the list, and none of the groups.
type Place = AtomicU64;

/// A part of the list. It is never freed, because a signal handler may be reading it.
struct Part {
    places: [Place; PART],
    /// Added by `Known::new` when all places before are taken.
    next: OnceLock<Box<Part>>,
}

static FIRST: Part = Part::new();
/// The `owner` word of the process that is being ended by force; 0 for none. Written by `end_all`.
static ENDING: AtomicU64 = AtomicU64::new(0);

impl Part {
    const fn new() -> Part {
        Part { places: [const { AtomicU64::new(0) }; PART], next: OnceLock::new() }
    }
}

/// A known group. While the value lives, the group is ended with this process.
#[derive(Debug)]
pub(crate) struct Known {
    place: &'static Place,
    /// The word that `new` has put into the place.
    entry: u64,
}

impl Known {
    /// Adds the group of a leader that is not reaped. The list grows if all its places are taken.
    pub(crate) fn new(group: Pid) -> Known {
        let me = owner(getpid());
        let entry = me | number(group);
        let mut part = &FIRST;
        loop {
            // A place that another process has left in our copy of the list counts as free.
            let take = |now: u64| (now == 0 || now & !u64::from(u32::MAX) != me).then_some(entry);
            // Free -> known.
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
        // Known -> free. Pairs with `claim`: both change the word in one step, so one of them is
        // first.
        if self.place.compare_exchange(self.entry, 0, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // Claimed: the thread that ends this process sends a signal to this number, so the
            // child must keep it. Never go on to reap the child.
            stand_still();
        }
    }
}

/// Never returns if this process is being ended by force, because `end_all` then reaps children
/// that other threads look after.
pub(crate) fn stand_still_at_the_end() {
    if is_ending() {
        stand_still();
    }
}

/// Adopts orphans if this process is being ended by force.
#[cfg(target_os = "linux")]
pub(super) fn adopt_at_the_end() {
    if is_ending() {
        adopt_orphans();
    }
}

fn is_ending() -> bool {
    ENDING.load(Ordering::SeqCst) == owner(getpid())
}

/// Blocks for ever.
fn stand_still() -> ! {
    loop {
        let _interrupted = poll(&mut [], None);
    }
}

/// Ends all process groups of our children, by SIGKILL, and takes back the terminal that one of
/// them has. Called only by a thread that ends this process next. Blocks until the groups are gone,
/// for 200 ms at most, because the kernel may hold on to a process.
///
/// May be called in a signal handler, on any thread, more than once, because it uses words and
/// system calls only. In a process that was forked from ours it finds no group.
pub(crate) fn end_all() {
    let me = owner(getpid());
    // Before the adoption. Pairs with `Adoption::drop`, which ends the adoption and then looks
    // here.
    ENDING.store(me, Ordering::SeqCst);
    adopt_orphans();
    for_each_group(me, &mut end);
    super::terminal::take_back_now();
    let start = Instant::now();
    // Again, for a group that was started meanwhile. While a member is left, the number cannot be
    // another group's.
    while end_those_left(me) > 0 && start.elapsed() < PATIENCE {
        let _interrupted = poll(&mut [], Some(&LOOK));
    }
}

/// Ends each group again that is not gone, and returns how many these are.
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

/// Claims each group of this process, so that its number stays its own, and calls `act` with it.
fn for_each_group(me: u64, act: &mut dyn FnMut(Pid)) {
    let mut next = Some(&FIRST);
    while let Some(part) = next {
        part.places.iter().filter_map(|place| claim(place, me)).for_each(&mut *act);
        next = part.next.get().map(|next| &**next);
    }
}

/// Gives the processes that a child has started to this process when the child is gone, so that
/// `is_gone` can reap them.
fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _refused = rustix::process::set_child_subreaper(Some(getpid()));
}

/// Reaps the members of a group that have ended. Pairs with `stand_still_at_the_end`, which keeps
/// other threads from going on with these children. True if no member is left that is our child or
/// was adopted.
fn is_gone(group: Pid) -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    loop {
        match waitid(WaitId::Pgid(Some(group)), look) {
            // One was reaped, or a signal handler ran: look for the next.
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// Claims a place: known -> claimed. Pairs with the drop of `Known`, which does not return if this
/// was first. Returns the group of the place, also if it was claimed before. `None` if the place is
/// free, or of another process.
fn claim(place: &Place, me: u64) -> Option<Pid> {
    let ours = |entry: u64| entry & !u64::from(u32::MAX) == me;
    let claimed = |entry: u64| ours(entry).then_some(entry | CLAIMED);
    let entry = place.fetch_update(Ordering::AcqRel, Ordering::Acquire, claimed).ok()?;
    Pid::from_raw(i32::try_from(entry & (CLAIMED - 1)).ok()?)
}

fn end(group: Pid) {
    // A leader that has left its group for another is still our child.
    if kill_process_group(group, Signal::KILL) == Err(Errno::SRCH) {
        let _gone = kill_process(group, Signal::KILL);
    }
}

/// Returns the upper half of the places of a process.
fn owner(process: Pid) -> u64 {
    number(process) << 32
}

fn number(pid: Pid) -> u64 {
    u64::from(pid.as_raw_nonzero().get().unsigned_abs())
}
