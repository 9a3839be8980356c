//! Owns the guess which thread holds a lock that does not keep its owner: a mutex of std's, or of
//! `parking_lot`.
//! Refuses to call a guess certain, and to choose between two threads that fit.
//!
//! A guard refers to its lock, so the address of the lock is on the stack of its holder, or in a
//! register. Guards of these mutexes do not move to other threads. The stack of each other thread
//! is searched for the address, and the thread on whose stack alone it is, is *perhaps* the holder:
//!
//! - An `Arc` around the lock does not count, because each owner of it has that address, and need
//!   not hold the lock. Nor does a thread count that waits for the same lock.
//! - The thread that looks has no stack for others. If its callers have the address, no thread is
//!   named.
//! - A thread that computes does not say where on its stack it is. If the address is anywhere in
//!   the memory of that stack, left over or not, no thread is named.
//! - Of a foreign thread that computes, or of a thread that cannot be read, nothing is known. Then
//!   a guess is told only as one of a cycle of guesses. Each thread of such a cycle waits, and has
//!   the lock of another on its stack. That this is so by chance, and the unread thread holds all
//!   of these locks, is far less likely than the deadlock.

use crate::outcome::status::edge::{Edge, Lock, LockKind};
use crate::rt::index::Index;
use crate::sight::again::{Again, Unread};
use crate::sight::holders::{People, Waiter, is_unmoved};
use crate::sys;
use crate::tree::root::Root;

/// The bytes around the word at which a thread of `parking_lot` waits, among which the address of
/// the lock is: both are in the thread's own data.
const AROUND: u64 = 64;

/// The first byte of a mutex of `parking_lot`: held, and threads wait for it.
const HELD_AND_WAITED_FOR: u8 = 3;

/// The word of a mutex of std's: held, and threads wait for it.
const CONTENDED: u32 = 2;

/// The threads on whose stacks the address of a lock is.
#[derive(Default)]
struct Candidates {
    found: Vec<u32>,
    /// True if a thread that is not named may hold the lock as well.
    is_unsure: bool,
}

/// Adds the edges to threads that perhaps hold the locks of waiters.
pub(super) fn add(
    waiters: &[Waiter],
    people: &People,
    again: &mut Again,
    edges: &mut Index<Edge>,
    limits: &mut Vec<String>,
) {
    let locks: Vec<(&Waiter, Lock)> =
        waiters.iter().filter_map(|waiter| Some((waiter, lock_of(waiter, again)?))).collect();
    if locks.is_empty() {
        return;
    }
    let Ok(all) = sys::thread_ids() else { return };
    let own = sys::thread_id();
    let wanted: Index<()> = locks.iter().map(|(_, lock)| lock.address).collect();
    let mut candidates: Index<Candidates> = Index::new();
    let (mut unsure, mut unread) = (again.on_own_stack(&wanted), 0_usize);
    let stacks = Root::all();
    let stacks = stacks.iter().flat_map(|root| root.cache.stacks());
    let stacks: Index<u64> = stacks.map(|(os_tid, place)| (os_tid.into(), place)).collect();
    for os_tid in all {
        if Some(os_tid) == own {
            continue;
        }
        match again.see(os_tid) {
            Some(Ok(seen)) => {
                let on_stack: Index<()> = seen.words(None).filter(|word| wanted.contains(*word)).collect();
                for lock in on_stack.keys() {
                    candidates.get_or_insert_with(lock, Candidates::default).found.push(os_tid);
                }
            }
            Some(Err(Unread::Gone)) => {}
            Some(Err(Unread::Hidden)) => match stacks.get(os_tid.into()) {
                Some(place) => {
                    unsure.extend(again.near(*place, &wanted).keys().map(|lock| (lock, ())));
                }
                None => unread += 1,
            },
            None => {
                return limits.push("holders of locks: there was no time left to look for them".to_owned());
            }
        }
    }
    for lock in unsure.keys() {
        candidates.get_or_insert_with(lock, Candidates::default).is_unsure = true;
    }
    let mut guesses = Index::new();
    for (waiter, lock) in &locks {
        let waits = |os_tid: &&u32| locks.iter().any(|(other, its)| other.os_tid == **os_tid && its == lock);
        let Some(candidates) = candidates.get(lock.address).filter(|found| !found.is_unsure) else {
            continue;
        };
        let mut holders = candidates.found.iter().filter(|os_tid| !waits(os_tid));
        let (Some(holder), None) = (holders.next(), holders.next()) else { continue };
        // All that was read is of this wait, if the waiter has not gone on.
        if is_held(lock) && is_unmoved(waiter.os_tid, &waiter.futex) {
            guesses.insert(waiter.os_tid.into(), (*holder, *lock));
        }
    }
    if unread > 0 {
        let before = guesses.len();
        guesses = in_cycles(guesses);
        if guesses.len() < before {
            limits.push(format!(
                "holders of locks: the stacks of {unread} threads could not be read, and each of them may be one"
            ));
        }
    }
    edges.extend(guesses.iter().map(|(waiter, (holder, lock))| (waiter, people.edge(*holder, *lock, false))));
}

/// The lock that a waiter waits for. `None` if it tells its owner, or is not known.
fn lock_of(waiter: &Waiter, again: &mut Again) -> Option<Lock> {
    let (kind, place) = waiter.waits_in?;
    if matches!(kind, LockKind::Pthread | LockKind::PriorityInheriting) {
        return None;
    }
    let seen = again.see_waiter(waiter)?;
    let address = match kind {
        LockKind::ParkingLot => {
            // The thread's own data has the address of the lock, and so have the frames down to
            // the function that waits for it.
            let start = (waiter.futex.address & !7).saturating_sub(AROUND);
            let near = sys::long_words_from(start, 2 * AROUND as usize);
            let found: Index<()> =
                seen.words(Some(place)).filter(|word| near.contains(word) && has_waiters(*word)).collect();
            let mut found = found.keys();
            found.next().filter(|_| found.next().is_none())?
        }
        _ => waiter.futex.address,
    };
    Some(Lock { kind, address }).filter(is_held)
}

/// True if the lock is held, and threads wait for it.
fn is_held(lock: &Lock) -> bool {
    match lock.kind {
        LockKind::StdMutex => sys::words_at(lock.address) == Some([CONTENDED]),
        LockKind::ParkingLot => has_waiters(lock.address),
        LockKind::Pthread | LockKind::PriorityInheriting => false,
    }
}

/// True if this may be the address of a mutex of `parking_lot` that is held and waited for.
fn has_waiters(address: u64) -> bool {
    sys::byte_at(address) == Some(HELD_AND_WAITED_FOR)
}

/// The guesses that lead back to their waiters.
fn in_cycles(guesses: Index<(u32, Lock)>) -> Index<(u32, Lock)> {
    let leads_back = |from: u64| {
        let next = |at: &u64| guesses.get(*at).map(|(holder, _)| u64::from(*holder));
        // A way without `from` ends after as many steps as there are guesses.
        std::iter::successors(next(&from), next).take(guesses.len()).any(|at| at == from)
    };
    guesses.iter().filter(|(from, _)| leads_back(*from)).map(|(from, guess)| (from, *guess)).collect()
}
