//! Owns the guess which thread holds a lock that does not keep its owner: a mutex or a read-write
//! lock of std's, or of `parking_lot`.
//! Refuses to call a guess certain, and to choose between two threads that fit.
//!
//! A guard refers to its lock, so the address of the lock is on the stack of its holder, or in a
//! register. Guards of these locks do not move to other threads. The stack of each other thread
//! is searched for the address, and the thread on whose stack alone it is, is *perhaps* the holder:
//!
//! - An `Arc` around the lock does not count, because each owner of it has that address, and need
//!   not hold the lock. A thread that waits for the same lock does not count either.
//! - The thread that looks has no stack for others. If its callers have the address, no thread is
//!   named.
//! - A thread that computes does not say where on its stack it is. If the address is in the memory
//!   of that stack, left over or not, no thread is named. The same holds for the part of a deep
//!   stack that is not in the copy.
//! - Of a foreign thread that computes, or of a stack that cannot be read to its end, nothing is
//!   known. Then
//!   a guess is told only as one of a cycle of guesses. Each thread of such a cycle waits, and has
//!   the lock of another on its stack. That this is so by chance, and the unread thread holds all
//!   of these locks, is far less likely than the deadlock.
//! - Of a read-write lock with several readers no thread is named, because each of them holds it.
//!
//! If no thread is named, the reason is told in its place.

use crate::outcome::status::edge::{Lock, LockKind, Wanted};
use crate::rt::index::Index;
use crate::sight::again::{Again, Unread};
use crate::sight::waiters::{Found, NO_TIME, People, Waiter, is_unmoved};
use crate::sys;
use crate::tree::root::Root;

/// The bytes around the word at which a thread of `parking_lot` waits, among which the address of
/// the lock is: both are in the thread's own data.
const AROUND: u64 = 64;

/// Why a thread is taken for a holder.
const ALONE: &str = "no other stack has its address";

/// The threads that have the address of a lock on their stacks.
#[derive(Default)]
struct Candidates {
    found: Vec<u32>,
    /// True if a thread that is not named may hold the lock as well.
    is_unsure: bool,
}

/// Adds the edges to threads that perhaps hold the locks of waiters, or why no thread is named.
pub(super) fn add(
    waiters: &[Waiter],
    people: &People,
    again: &mut Again,
    found: &mut Found,
    limits: &mut Vec<String>,
) {
    let locks: Vec<(&Waiter, Lock)> =
        waiters.iter().filter_map(|waiter| Some((waiter, lock_of(waiter, again)?))).collect();
    if locks.is_empty() {
        return;
    }
    // One walk over all stacks for all locks, because a capture costs far more than the search.
    let wanted: Index<()> = locks.iter().map(|(_, lock)| lock.address).collect();
    let Some((candidates, unread)) = candidates(again, &wanted, limits) else { return };
    let mut guesses = Guesses::new();
    for (waiter, lock) in &locks {
        let of_lock = locks.iter().filter(|(_, its)| its == lock);
        let of_lock: Index<()> = of_lock.map(|(other, _)| u64::from(other.os_tid)).collect();
        let guess = guess(*lock, candidates.get(lock.address), &of_lock);
        // All that was read is of this wait, if the waiter has not gone on.
        if let Some(guess) = guess.filter(|_| is_unmoved(waiter.os_tid, &waiter.futex)) {
            guesses.insert(waiter.os_tid.into(), (*lock, guess));
        }
    }
    // A thread that was not read may be the holder of each lock. Only a cycle of guesses is worth
    // telling then: see the header.
    if unread > 0 {
        let cycles = in_cycles(&guesses);
        let before = guesses.values().filter(|(_, guess)| guess.is_ok()).count();
        guesses.retain(|waiter, (_, guess)| {
            if !cycles.contains(waiter) {
                *guess = Err(format!("the stacks of {unread} threads could not be read"));
            }
            true
        });
        if cycles.len() < before {
            limits.push(format!(
                "holders of locks: the stacks of {unread} threads could not be read, and each of them may be one"
            ));
        }
    }
    found.extend(guesses.iter().map(|(waiter, (lock, guess))| {
        let lock = *lock;
        let edge = guess.as_ref().map(|holder| people.edge(*holder, lock, Some(ALONE)));
        (waiter, edge.map_err(|why| Wanted { lock, why: why.clone() }))
    }));
}

/// By the kernel's ids of the waiters: the lock, and its holder or why none is named.
type Guesses = Index<(Lock, Result<u32, String>)>;

/// The threads that may hold the locks at these addresses, and the number of threads that could not
/// be read. `None` if there was no time.
fn candidates(
    again: &mut Again,
    wanted: &Index<()>,
    limits: &mut Vec<String>,
) -> Option<(Index<Candidates>, usize)> {
    let all = sys::thread_ids().ok()?;
    let own = sys::thread_id();
    let mut candidates: Index<Candidates> = Index::new();
    let (mut unsure, mut unread) = (Index::new(), 0_usize);
    // Adds what was found on a stack, in use or left over.
    let mut add = |found: Option<Index<()>>| match found {
        Some(found) => unsure.extend(found.keys().map(|lock| (lock, ()))),
        None => unread += 1,
    };
    // The calling thread cannot be captured, but its callers may hold a lock.
    add(again.on_own_stack(wanted));
    // Where the outer ends of the stacks of homebound's own threads are.
    let ends = Root::all();
    let ends = ends.iter().flat_map(|root| root.cache.stacks());
    let ends: Index<u64> = ends.map(|(os_tid, place)| (os_tid.into(), place)).collect();
    for os_tid in all.into_iter().filter(|os_tid| Some(*os_tid) != own) {
        let end = ends.get(os_tid.into()).copied();
        match again.see(os_tid) {
            Some(Ok(seen)) => {
                // As a set: an address that is twice on one stack is still one candidate.
                let on_stack: Index<()> = seen.words().filter(|word| wanted.contains(*word)).collect();
                for lock in on_stack.keys() {
                    candidates.get_or_insert_with(lock, Candidates::default).found.push(os_tid);
                }
                // Not `found`: the memory is read later than the copy was made.
                for (from, to) in seen.rest().into_iter().flatten() {
                    add(again.upwards(from, to.or(end), wanted));
                }
            }
            Some(Err(Unread::Gone)) => {}
            // Not `found`, whatever is seen: without a stack pointer a word may be left over.
            Some(Err(Unread::Hidden)) => add(end.and_then(|place| again.downwards(place, wanted))),
            // The stacks that are missing may have the address, so even a single candidate says
            // nothing.
            None => {
                limits.push(NO_TIME.to_owned());
                return None;
            }
        }
    }
    for lock in unsure.keys() {
        candidates.get_or_insert_with(lock, Candidates::default).is_unsure = true;
    }
    Some((candidates, unread))
}

/// The thread that perhaps holds the lock, or why none is named. `None` if the lock is not held any
/// more. `waiters`: the threads that wait for it.
fn guess(lock: Lock, of: Option<&Candidates>, waiters: &Index<()>) -> Option<Result<u32, String>> {
    // Read again, because the stacks took time.
    let shares = shares(lock)?;
    let found = of.map_or(&[][..], |of| &of.found);
    let others: Vec<u32> =
        found.iter().copied().filter(|os_tid| !waiters.contains(u64::from(*os_tid))).collect();
    // In this order: each arm is right only if the arms above it do not fit.
    Some(match &others[..] {
        _ if shares > 1 => Err(format!("{shares} readers hold it")),
        _ if of.is_some_and(|of| of.is_unsure) => {
            Err("a thread that computes, or that looks, or whose stack is cut, has its address".to_owned())
        }
        [holder] => Ok(*holder),
        [] if waiters.len() == 1 => {
            Err("no other stack has its address: perhaps this thread holds it itself".to_owned())
        }
        [] => Err("only threads that wait for it have its address".to_owned()),
        several => Err(format!("{} stacks have its address", several.len())),
    })
}

/// The lock that a waiter waits for. `None` if it tells its owner, or is not known.
fn lock_of(waiter: &Waiter, again: &mut Again) -> Option<Lock> {
    let (kind, place) = waiter.waits_in?;
    let word = waiter.futex.address;
    let seen = match kind {
        LockKind::Pthread | LockKind::PriorityInheriting => return None,
        _ => again.see_waiter(waiter)?,
    };
    let is_wanted = |address: &u64| shares(Lock { kind, address: *address }).is_some();
    let address = match kind {
        // Writers wait at the second word of the lock, and readers at the first.
        LockKind::StdRwLock => [word, word.wrapping_sub(4)].into_iter().find(is_wanted)?,
        LockKind::ParkingLot | LockKind::ParkingLotRwLock => {
            // The thread's own data has the address of the lock, and so have the frames down to
            // the function that waits for it. A writer that waits for readers to leave has the
            // address and 1 in its data.
            let start = (word & !7).saturating_sub(AROUND);
            let near = sys::long_words_from(start, 2 * AROUND as usize);
            let near: Index<()> = near.into_iter().flat_map(|at| [at, at & !1]).collect();
            let on_stack = seen.words_to(place).filter(|at| near.contains(*at));
            let found: Index<()> = on_stack.filter(is_wanted).collect();
            found.keys().next().filter(|_| found.len() == 1)?
        }
        _ => word,
    };
    Some(Lock { kind, address }).filter(|lock| is_wanted(&lock.address))
}

/// The number of threads that hold the lock, if it is held and threads wait for it.
fn shares(lock: Lock) -> Option<u64> {
    let Lock { kind, address } = lock;
    let word = || sys::words_at(address).map(|[word]: [u32; 1]| word);
    match kind {
        LockKind::StdMutex => (word()? == words_of_std::CONTENDED).then_some(1),
        LockKind::StdRwLock => words_of_std::shares(word()?),
        LockKind::ParkingLot => (sys::byte_at(address)? == words_of_parking::CONTENDED).then_some(1),
        LockKind::ParkingLotRwLock => {
            // The address of a lock is that of a machine word.
            let state =
                if address % 8 == 0 { sys::long_words_from(address, 8).first().copied() } else { None };
            words_of_parking::shares(state?)
        }
        LockKind::Pthread | LockKind::PriorityInheriting => None,
    }
}

/// The words of std's locks.
mod words_of_std {
    /// Of a mutex: held, and threads wait for it.
    pub(super) const CONTENDED: u32 = 2;

    /// The lower 30 bits of a read-write lock: the number of its readers, or all ones for a writer.
    const HOLDERS: u32 = (1 << 30) - 1;
    /// The upper two bits: readers wait; writers wait.
    const WAITED_FOR: u32 = 3 << 30;

    pub(super) fn shares(state: u32) -> Option<u64> {
        let holders = state & HOLDERS;
        let is_contended = holders > 0 && state & WAITED_FOR != 0;
        is_contended.then_some(if holders == HOLDERS { 1 } else { u64::from(holders) })
    }
}

/// The words of the locks of `parking_lot`.
mod words_of_parking {
    /// The first byte of a mutex: held, and threads wait for it.
    pub(super) const CONTENDED: u8 = 3;

    /// Threads wait; a writer waits for the readers to leave.
    const WAITED_FOR: u64 = 3;
    const WRITER: u64 = 8;
    const ONE_READER: u64 = 16;

    pub(super) fn shares(state: u64) -> Option<u64> {
        let readers = state / ONE_READER;
        // A writer counts as one holder.
        let is_contended = state & WAITED_FOR != 0 && (readers > 0 || state & WRITER != 0);
        is_contended.then_some(readers.max(1))
    }
}

/// The waiters whose guesses lead back to themselves.
fn in_cycles(guesses: &Guesses) -> Index<()> {
    let next = |at: u64| guesses.get(at).and_then(|(_, guess)| guess.as_ref().ok()).map(|id| u64::from(*id));
    // A way without `from` ends after as many steps as there are guesses.
    let way = |from: u64| std::iter::successors(next(from), |at| next(*at)).take(guesses.len());
    guesses.keys().filter(|from| way(*from).any(|at| at == *from)).collect()
}
