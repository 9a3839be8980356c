//! Owns the question which thread holds the lock that another thread waits for.
//! Refuses to look for cycles, and to guess: `guesses` does.
//!
//! Two sorts of locks tell their owner, each at a place that a protocol fixes:
//!
//! - The word of a priority-inheriting lock is the kernel's id of its owner (`futex(2)`).
//! - A `pthread_mutex_t` of glibc has the id of its owner 8 bytes behind the word at which threads
//!   wait. Only the stack of the waiter tells that the word belongs to such a mutex, so without a
//!   stack nothing is said.
//!
//! An edge is certain, because all is of one moment: the kernel has put the waiter on no processor
//! between the first reading and the last, and an owner writes its id after it has taken the lock,
//! and clears it before it lets go.

use std::time::Instant;

use crate::outcome::status::edge::{Lock, LockKind};
use crate::outcome::status::snapshot::Snapshot;
use crate::outcome::status::stack::{Frame, Stacks};
use crate::rt::index::Index;
use crate::sight::again::{Again, Outer};
use crate::sight::waiters::{Found, NO_TIME, People, Waiter, is_unmoved};
use crate::sight::{cycles, guesses, rows};
use crate::sys;

/// Number of frames, from the innermost on, among which the function of a lock is.
const INNERMOST: usize = 8;

/// The limit of a look without the stacks of the threads that may wait for locks.
const NO_STACKS: &str = "holders of locks: no thread that may wait for one has a stack here";

/// Adds the edges from threads that wait for locks to the holders of these locks, and all cycles.
/// Reads nothing after `until`, and sends a signal only if `stacks` allows it. `outer` is from the
/// beginning of the look.
pub(super) fn add(snapshot: &mut Snapshot, stacks: Stacks, until: Instant, outer: Outer) {
    let (waiters, missed) = waiters(snapshot, until);
    if missed {
        snapshot.limits.push(NO_TIME.to_owned());
    }
    // The stack alone tells that a word belongs to a lock, unless the lock inherits priorities.
    if stacks != Stacks::Off && !waiters.is_empty() && waiters.iter().all(|waiter| waiter.frames.is_empty()) {
        snapshot.limits.push(NO_STACKS.to_owned());
    }
    let mut found = Found::new();
    if !waiters.is_empty() {
        let people = People::of(snapshot);
        // `None` without stacks. Priority-inheriting locks tell their owner all the same.
        let mut again = Again::begin(stacks, until, outer);
        for waiter in &waiters {
            let owner = match waiter.waits_in {
                _ if waiter.futex.is_lock_pi() => pi_owner(waiter),
                Some((LockKind::Pthread, _)) => again.as_mut().and_then(|again| pthread_owner(waiter, again)),
                _ => None,
            };
            found.extend(
                owner.map(|(lock, owner)| (waiter.os_tid.into(), Ok(people.edge(owner, lock, None)))),
            );
        }
        // After the certain owners. `guesses` leaves out the locks that tell theirs.
        if let Some(mut again) = again {
            guesses::add(&waiters, &people, &mut again, &mut found, &mut snapshot.limits);
        }
    }
    // Drop the edge of a waiter that has gone on, because the edge is old. The other edges are true
    // at this moment: a lock that was let go would have put its waiter on a processor.
    let unmoved = waiters
        .iter()
        .filter(|waiter| found.contains(waiter.os_tid.into()) && is_unmoved(waiter.os_tid, &waiter.futex));
    let unmoved: Index<()> = unmoved.map(|waiter| u64::from(waiter.os_tid)).collect();
    found.retain(|os_tid, _| unmoved.contains(os_tid));
    let mut foreign = Vec::new();
    for row in rows::by_interest(&mut snapshot.root) {
        match row.os_tid.and_then(|os_tid| found.get(os_tid.into())) {
            Some(Ok(edge)) => row.waits_for.push(edge.clone()),
            Some(Err(wanted)) => row.wants = Some(wanted.clone()),
            None => {}
        }
    }
    // A foreign thread has no row in the tree, so its edge can only be seen in a cycle.
    for row in &snapshot.foreign {
        let edge = found.get(row.os_tid.into()).and_then(|found| found.as_ref().ok());
        foreign.extend(edge.map(|edge| (row.os_tid, vec![edge.clone()])));
    }
    snapshot.cycles = cycles::find(snapshot, &foreign);
}

/// The threads that wait at a futex, in no wait that homebound knows. True if there are more, for
/// which there was no time.
fn waiters(snapshot: &mut Snapshot, until: Instant) -> (Vec<Waiter>, bool) {
    let (mut found, mut missed): (Index<Waiter>, bool) = (Index::new(), false);
    let own = sys::thread_id();
    let mut look = |os_tid: u32, frames: &[Frame]| {
        if Some(os_tid) == own || found.contains(os_tid.into()) {
            return;
        }
        if Instant::now() >= until {
            missed = true;
            return;
        }
        if let Ok(Some(futex)) = sys::futex_of(os_tid) {
            let waits_in = lock_of(frames);
            let frames = frames.iter().map(|frame| frame.address).collect();
            found.insert(os_tid.into(), Waiter { os_tid, futex, frames, waits_in });
        }
    };
    for row in rows::by_interest(&mut snapshot.root) {
        let is_at_futex = row.kernel.as_ref().is_some_and(|kernel| kernel.call.as_deref() == Some("futex"));
        if let Some(os_tid) = row.os_tid.filter(|_| is_at_futex && !rows::is_in_wait(row)) {
            look(os_tid, row.stack.as_ref().map_or(&[], |stack| &stack.frames));
        }
    }
    for row in snapshot.foreign.iter().filter(|row| row.unknown.is_none()) {
        // Only with a stack: the kernel was not asked about foreign threads.
        if let Some(stack) = &row.stack {
            look(row.os_tid, &stack.frames);
        }
    }
    (found.into_values().collect(), missed)
}

/// The kind of the lock, if the thread waits for one; and the place of the outermost function that
/// waits for it.
fn lock_of(frames: &[Frame]) -> Option<(LockKind, usize)> {
    let mut kinds = frames.iter().map(kind_of).take(INNERMOST).enumerate().skip_while(|(_, it)| it.is_none());
    let (place, kind) = kinds.next()?;
    // The functions of a lock call each other, and the outermost one still has its address.
    let last = kinds.take_while(|(_, it)| *it == kind).last().map_or(place, |(place, _)| place);
    Some((kind?, last))
}

/// The kind of the lock, if this is a function in which threads wait for one.
fn kind_of(frame: &Frame) -> Option<LockKind> {
    let function = frame.function.as_deref()?;
    let is_in = |parts: [&str; 2]| parts.iter().all(|part| function.contains(part));
    // Other C libraries keep the owner elsewhere.
    let is_glibc = || {
        let is_libc = frame.module.as_deref().is_some_and(|module| module.contains("/libc"));
        cfg!(target_env = "gnu") && is_libc
    };
    match function.trim_start_matches('_') {
        name if name.starts_with("pthread_mutex_") && name.contains("lock") && is_glibc() => {
            Some(LockKind::Pthread)
        }
        _ if is_in(["sys::sync::mutex::futex::Mutex", "lock_contended"]) => Some(LockKind::StdMutex),
        _ if is_in(["sys::sync::rwlock::futex::RwLock", "_contended"]) => Some(LockKind::StdRwLock),
        _ if is_in(["raw_mutex::RawMutex", "lock_slow"]) => Some(LockKind::ParkingLot),
        _ if function.contains("raw_rwlock::RawRwLock") => Some(LockKind::ParkingLotRwLock),
        _ => None,
    }
}

/// The owner of a priority-inheriting lock: the lower bits of the word.
fn pi_owner(waiter: &Waiter) -> Option<(Lock, u32)> {
    let Waiter { os_tid, futex, .. } = waiter;
    let [word] = sys::words_at(futex.address)?;
    let lock = Lock { kind: LockKind::PriorityInheriting, address: futex.address };
    let owner = sys::owner_in(word);
    // `is_unmoved` last: the word was read while the thread waited for this lock.
    (owner != 0 && is_unmoved(*os_tid, futex)).then_some((lock, owner))
}

/// The owner of a `pthread_mutex_t`: the third word, behind the word at which threads wait and the
/// count of a recursive mutex.
fn pthread_owner(waiter: &Waiter, again: &mut Again) -> Option<(Lock, u32)> {
    let Waiter { os_tid, futex, .. } = waiter;
    if !futex.is_wait() {
        return None;
    }
    // The frames are the same as when `lock_of` has called this a lock, so the words are a mutex's.
    again.see_waiter(waiter)?;
    let [word, _count, owner] = sys::words_at(futex.address)?;
    let lock = Lock { kind: LockKind::Pthread, address: futex.address };
    // 2: held, and threads wait for it. The word of a robust mutex has the owner as well.
    let is_held = word == 2 || sys::owner_in(word) == owner;
    (is_held && owner != 0 && is_unmoved(*os_tid, futex)).then_some((lock, owner))
}
