//! Owns the comparison of the kernel's list of threads with ours (Linux; elsewhere it says that it
//! does not know).
//! Refuses to judge: a foreign thread informs, and changes neither result nor exit code.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::outcome::status::outside::ForeignThread;
use crate::rt::index::Index;
use crate::rt::order::sort_by_key;
use crate::sync::locks::Mutex;
use crate::sys::{self, KernelThread};
use crate::tree::guest::former;
use crate::tree::root::Root;

/// The threads that were there before the registry began, by id and start time, because ids are
/// used again. `None` if they are not known.
static BEFORE: Mutex<Option<Vec<KernelThread>>> = Mutex::new(None);

/// The ids of threads of homebound's that are in no root's cache and no member of a tree: *watch*.
/// (`Root::kernel_ids` has the threads that run bodies.)
static KNOWN: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// The number of such threads that were asked for and have not registered in `KNOWN` yet.
static EXPECTED: AtomicUsize = AtomicUsize::new(0);

/// A joined thread stays in the kernel's list for a moment, so the end is looked at up to this many
/// times, with pauses that begin with this one and double.
const LOOKS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_micros(400);

/// The registry begins: the threads that are there now are not its doing.
pub(crate) fn begin() {
    *BEFORE.lock() = sys::process_threads(&|_| false).ok();
}

/// Announces a thread of ours that is about to start and is in no root's cache.
pub(crate) fn expect() -> Expected {
    // Before the thread exists. Pairs with the load in `Look::at`, which comes after the kernel's
    // list: a thread in that list is counted here or registered.
    EXPECTED.fetch_add(1, Ordering::AcqRel);
    Expected
}

/// The announced thread has not registered. Dropped without `vouch` if the OS refuses the thread.
pub(crate) struct Expected;

impl Expected {
    /// Registers the calling thread as the announced one, while the returned value lives.
    pub(crate) fn vouch(self) -> Vouched {
        let id = sys::thread_id();
        // Known first, and not expected any more after that (by the drop), so that the thread is in
        // at least one of the two at each moment.
        KNOWN.lock().extend(id);
        Vouched(id)
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        // Pairs with the load in `Look::at`: a look that misses the count finds the id in `KNOWN`.
        EXPECTED.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(crate) struct Vouched(Option<u32>);

impl Drop for Vouched {
    fn drop(&mut self) {
        let mut known = KNOWN.lock();
        // On the thread itself: its id is not used again before it has ended.
        if let Some(place) = known.iter().position(|id| Some(*id) == self.0) {
            known.swap_remove(place);
        }
    }
}

/// Returns all foreign threads; or a row that says why they are not known.
pub(crate) fn foreign() -> Vec<ForeignThread> {
    look_for_foreign().unwrap_or_else(|error| vec![not_known(error.to_string())])
}

fn look_for_foreign() -> io::Result<Vec<ForeignThread>> {
    // Look more than twice only while threads of ours are starting, because the kernel lists them
    // before they have registered.
    let found = look_again(Look::now(&|_| true)?, |look, seen| look >= 2 && seen.starting == 0)?;
    let before = BEFORE.lock();
    let was_there = |thread: &KernelThread| before.as_ref().is_some_and(|before| before.contains(thread));
    let guests = former();
    Ok(found.iter().map(|thread| describe(thread, was_there(thread), &guests)).collect())
}

/// Returns the foreign threads that came after the beginning and are still there at the end, and
/// former guests, whenever they came; or a row that says why they are not known.
pub(crate) fn orphans() -> Vec<ForeignThread> {
    // Without the list of the beginning, no thread can be called orphaned.
    let Some(before) = BEFORE.lock().clone() else {
        return vec![not_known("the list of threads could not be read when the run began".to_owned())];
    };
    let guests = former();
    let was_there = |thread: &KernelThread| before.contains(thread);
    match look_for_orphans(&before, &guests) {
        // `was_there` can be true of a former guest alone: the others were left out by the look.
        Ok(found) => found.iter().map(|thread| describe(thread, was_there(thread), &guests)).collect(),
        Err(error) => vec![not_known(error.to_string())],
    }
}

fn look_for_orphans(before: &[KernelThread], guests: &Index<String>) -> io::Result<Vec<KernelThread>> {
    let first = Look::now(&|thread| guests.contains(thread.id.into()) || !before.contains(thread))?;
    // Looking again is no use for guests, because they are not about to end.
    look_again(first, |_, seen| seen.nobodys.iter().all(|thread| guests.contains(thread.id.into())))
}

/// Looks several times, until it is enough: a thread that is only starting or ending is not there
/// each time.
fn look_again(mut seen: Look, is_enough: impl Fn(u32, &Look) -> bool) -> io::Result<Vec<KernelThread>> {
    let mut pause = FIRST_PAUSE;
    for look in 0..LOOKS {
        if seen.nobodys.is_empty() || is_enough(look, &seen) {
            break;
        }
        thread::sleep(pause);
        // Doubled, so that a thread that takes long to go costs few looks.
        pause *= 2;
        seen = seen.again()?;
    }
    Ok(seen.without_ours())
}

/// The kernel's list, without the threads that are known to be ours.
struct Look {
    nobodys: Vec<KernelThread>,
    /// The number of threads among them, at most, that are ours and had not registered yet.
    starting: usize,
}

impl Look {
    /// The order of the three reads matters: (1) the kernel's list, (2) the number of our threads
    /// that have not registered yet, (3) the ids of those that have. A thread that appears in (1)
    /// and not in (3) was still unregistered at (2), so it is included in `starting`. A thread of
    /// ours that starts after (1) is not in the list. Details are read of foreign threads alone,
    /// because that takes far longer than the list. An id that a thread of ours has taken over
    /// meanwhile is one of ours in the next look.
    fn now(is_asked: &dyn Fn(&KernelThread) -> bool) -> io::Result<Look> {
        let ids = sys::thread_ids()?;
        Look::at(ids, is_asked)
    }

    fn at(mut ids: Vec<u32>, is_asked: &dyn Fn(&KernelThread) -> bool) -> io::Result<Look> {
        let in_caches: usize = Root::all().iter().map(|root| root.cache.starting()).sum();
        // (2), and only then (3): see `now`.
        let starting = in_caches + EXPECTED.load(Ordering::Acquire);
        let mut ours: Index<()> = KNOWN.lock().iter().copied().map(u64::from).collect();
        for root in Root::all() {
            let of_root = root.cache.kernel_ids().into_iter().chain(root.kernel_ids());
            ours.extend(of_root.map(|id| (id.into(), ())));
        }
        ids.retain(|id| !ours.contains(u64::from(*id)));
        let there = ids.into_iter().filter_map(|id| sys::thread_of(id).transpose());
        let nobodys =
            there.filter(|thread| thread.as_ref().map_or(true, is_asked)).collect::<io::Result<_>>()?;
        Ok(Look { nobodys, starting })
    }

    /// Looks again at the threads that are still foreign. A thread of ours that has registered in
    /// no look was counted in each, so the smaller count holds.
    fn again(self) -> io::Result<Look> {
        let ids = self.nobodys.iter().map(|thread| thread.id).collect();
        let next = Look::at(ids, &|thread| self.nobodys.contains(thread))?;
        Ok(Look { starting: next.starting.min(self.starting), ..next })
    }

    /// Drops the last to start, because the threads of ours that have not registered are among
    /// them.
    fn without_ours(self) -> Vec<KernelThread> {
        let Look { mut nobodys, starting } = self;
        sort_by_key(&mut nobodys, |thread| (thread.started, thread.id));
        nobodys.truncate(nobodys.len().saturating_sub(starting));
        nobodys
    }
}

fn describe(thread: &KernelThread, before: bool, guests: &Index<String>) -> ForeignThread {
    let guest = guests.get(thread.id.into());
    let name = guest.cloned().unwrap_or_else(|| thread.text());
    let guest = guest.is_some();
    ForeignThread { os_tid: thread.id, name, guest, before, unknown: None, stack: None, no_stack: None }
}

/// A row of its own, because zero rows would say that there are none.
fn not_known(why: String) -> ForeignThread {
    ForeignThread {
        os_tid: 0,
        name: "unknown".to_owned(),
        guest: false,
        before: false,
        unknown: Some(why),
        stack: None,
        no_stack: None,
    }
}
