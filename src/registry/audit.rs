//! Owns the comparison of the kernel's list of threads with ours (Linux; elsewhere it says that it does not know).
//! Refuses to judge: a foreign thread informs, it changes neither result nor exit code.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::outcome::status::ForeignThread;
use crate::sync::locks::Mutex;
use crate::sys::{self, KernelThread};
use crate::tree::guest::former;
use crate::tree::root::Root;

/// Those that were there before the registry began, by id and start time: ids are used again. `None` if that is not known.
static BEFORE: Mutex<Option<Vec<KernelThread>>> = Mutex::new(None);

/// Threads of homebound's that are in no root's cache: *watch*, and threads that run bodies.
static KNOWN: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// How many of those were asked for and have not told who they are.
static EXPECTED: AtomicUsize = AtomicUsize::new(0);

/// A joined thread stays in the kernel's list for a moment: how often, and from what pause on, the end is looked at.
const LOOKS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_micros(400);

/// The registry begins: what is there now is not its doing.
pub(crate) fn begin() {
    *BEFORE.lock() = sys::process_threads(&|_| false).ok();
}

/// A thread of ours is about to start that is in no root's cache.
pub(crate) fn expect() -> Expected {
    EXPECTED.fetch_add(1, Ordering::AcqRel);
    Expected
}

/// It has not told who it is: dropped if it is refused.
pub(crate) struct Expected;

impl Expected {
    /// The calling thread is the one, while the returned value lives.
    pub(crate) fn vouch(self) -> Vouched {
        let id = sys::thread_id();
        // First known, then not expected any more: it is one of them at each moment.
        KNOWN.lock().extend(id);
        Vouched(id)
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        EXPECTED.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(crate) struct Vouched(Option<u32>);

impl Drop for Vouched {
    fn drop(&mut self) {
        let mut known = KNOWN.lock();
        if let Some(place) = known.iter().position(|id| Some(*id) == self.0) {
            known.swap_remove(place);
        }
    }
}

/// All threads that are nobody's; or a row that says why they are not known.
pub(crate) fn foreign() -> Vec<ForeignThread> {
    look_for_foreign().unwrap_or_else(|error| vec![not_known(error.to_string())])
}

fn look_for_foreign() -> io::Result<Vec<ForeignThread>> {
    // Longer only while threads of ours are starting, which the kernel lists before they have told who they are.
    let found = look_again(Look::now(&|_| true)?, |look, seen| look >= 2 && seen.starting == 0)?;
    let before = BEFORE.lock();
    let was_there = |thread: &KernelThread| before.as_ref().is_some_and(|before| before.contains(thread));
    let guests = former();
    Ok(found.iter().map(|thread| describe(thread, was_there(thread), &guests)).collect())
}

/// Foreign threads that came after the beginning and are still there at the end, and former guests, whenever they came; or a row that says why they are not known.
pub(crate) fn orphans() -> Vec<ForeignThread> {
    // Who does not know what was there before can name no orphan.
    let Some(before) = BEFORE.lock().clone() else {
        return vec![not_known("the list of threads could not be read when the run began".to_owned())];
    };
    let guests = former();
    let was_there = |thread: &KernelThread| before.contains(thread);
    match look_for_orphans(&before, &guests) {
        Ok(found) => found.iter().map(|thread| describe(thread, was_there(thread), &guests)).collect(),
        Err(error) => vec![not_known(error.to_string())],
    }
}

fn look_for_orphans(before: &[KernelThread], guests: &HashMap<u32, String>) -> io::Result<Vec<KernelThread>> {
    let first = Look::now(&|thread| guests.contains_key(&thread.id) || !before.contains(thread))?;
    // Guests are not about to go.
    look_again(first, |_, seen| seen.nobodys.iter().all(|thread| guests.contains_key(&thread.id)))
}

/// Several times, until it is enough: one that is only starting or ending is not there each time.
fn look_again(mut seen: Look, is_enough: impl Fn(u32, &Look) -> bool) -> io::Result<Vec<KernelThread>> {
    let mut pause = FIRST_PAUSE;
    for look in 0..LOOKS {
        if seen.nobodys.is_empty() || is_enough(look, &seen) {
            break;
        }
        thread::sleep(pause);
        pause *= 2;
        seen = seen.again()?;
    }
    Ok(seen.without_ours())
}

/// The kernel's list, without those that are known to be ours.
struct Look {
    nobodys: Vec<KernelThread>,
    /// How many at most of them are ours all the same, and had not told who they are.
    starting: usize,
}

impl Look {
    /// In this order. One of ours that starts after the list was made is not in it. One that is in it, and has not told its
    /// id when those are asked that have, had not when those that have not were counted. Only who is nobody's is read: that takes
    /// far longer than the list. An id that a thread of ours has taken over meanwhile is one of ours in the next look.
    fn now(is_asked: &dyn Fn(&KernelThread) -> bool) -> io::Result<Look> {
        let ids = sys::thread_ids()?;
        Look::at(ids, is_asked)
    }

    fn at(mut ids: Vec<u32>, is_asked: &dyn Fn(&KernelThread) -> bool) -> io::Result<Look> {
        let in_caches: usize = Root::all().iter().map(|root| root.cache.starting()).sum();
        let starting = in_caches + EXPECTED.load(Ordering::Acquire);
        let mut ours: HashSet<u32> = KNOWN.lock().iter().copied().collect();
        for root in Root::all() {
            ours.extend(root.cache.kernel_ids());
            ours.extend(root.hosts());
        }
        ids.retain(|id| !ours.contains(id));
        let there = ids.into_iter().filter_map(|id| sys::thread_of(id).transpose());
        let nobodys =
            there.filter(|thread| thread.as_ref().map_or(true, is_asked)).collect::<io::Result<_>>()?;
        Ok(Look { nobodys, starting })
    }

    /// Those of them that are still nobody's. One of ours that has not told in any look was counted in each.
    fn again(self) -> io::Result<Look> {
        let ids = self.nobodys.iter().map(|thread| thread.id).collect();
        let next = Look::at(ids, &|thread| self.nobodys.contains(thread))?;
        Ok(Look { starting: next.starting.min(self.starting), ..next })
    }

    /// The last to start are those of ours that have not told.
    fn without_ours(self) -> Vec<KernelThread> {
        let Look { mut nobodys, starting } = self;
        nobodys.sort_by_key(|thread| (thread.started, thread.id));
        nobodys.truncate(nobodys.len().saturating_sub(starting));
        nobodys
    }
}

fn describe(thread: &KernelThread, before: bool, guests: &HashMap<u32, String>) -> ForeignThread {
    let guest = guests.get(&thread.id);
    let name = guest.cloned().unwrap_or_else(|| thread.text());
    ForeignThread { os_tid: thread.id, name, guest: guest.is_some(), before, unknown: None }
}

/// Zero rows would say that there are none.
fn not_known(why: String) -> ForeignThread {
    ForeignThread { os_tid: 0, name: "unknown".to_owned(), guest: false, before: false, unknown: Some(why) }
}
