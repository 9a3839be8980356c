//! Owns the OS threads of one root: starts them, keeps idle ones warm for jobs of the same name, and joins every one of
//! them by the OS.
//! Refuses to know scopes: a job is a closure that never unwinds.
//!
//! ```text
//! started --> works --(offers itself)--> idle --(a job of its name)--> works
//!               |                         |
//!               +--(may not be reused)----+--(too many, too long, closing)--> retired --> joined by the next, or by close
//! ```

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::contain::{contain, discard};
use crate::sys;

/// What a thread does; it contains its own panics. It calls `Seat::offer` when only bookkeeping is left to be done, so
/// that whoever learns of its end finds the thread idle.
pub(crate) type Job = Box<dyn FnOnce(&Arc<Seat>) + Send + 'static>;

/// How a thread is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Make {
    pub(crate) stack_size: Option<usize>,
    /// Not one that another job has used or will use.
    pub(crate) dedicated: bool,
}

/// Larger requests overflow std's own rounding; no machine can grant them.
const LARGEST_STACK: usize = isize::MAX as usize / 2;
/// How long a thread stays idle.
const IDLE: Duration = Duration::from_secs(10);
/// How many stay idle at least, if the processor has few cores.
const IDLE_AT_LEAST: usize = 64;

pub(crate) struct Cache {
    state: Mutex<State>,
    all_retired: Condvar,
    most_idle: usize,
}

#[derive(Default)]
struct State {
    /// Threads that have been asked for and have not yet left `retire`.
    live: usize,
    /// Of those, the ones that have not taken their first step.
    starting: usize,
    /// Nobody idles any more.
    closing: bool,
    /// The one-place slot: the last thread that retired, to be joined by the next, or by `close`.
    retired: Option<Retired>,
    /// By kernel id, from a thread's first step until it has been joined.
    known: HashMap<u32, Arc<Seat>>,
    /// By name; the last in is the first out: it is the warmest.
    idle: HashMap<Arc<str>, Vec<Arc<Seat>>>,
    /// The same by age: the first has been idle for longest.
    by_age: BTreeMap<u64, Arc<Seat>>,
    next_age: u64,
}

struct Retired {
    handle: JoinHandle<()>,
    kernel_id: Option<u32>,
}

/// One OS thread: where the spawner puts its join handle and its next job.
pub(crate) struct Seat {
    name: Arc<str>,
    make: Make,
    inner: Mutex<Inner>,
    /// Rung after `inner` was filled, by spawners and by those who send idle threads home.
    bell: Condvar,
    cache: std::sync::Weak<Cache>,
}

#[derive(Default)]
struct Inner {
    handle: Option<JoinHandle<()>>,
    next: Option<Next>,
    place: Place,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Working,
    /// Among the idle, under this age.
    Idle(u64),
    /// Taken from among the idle: `next` is on its way.
    Claimed,
}

enum Next {
    Work(Job),
    Retire,
}

impl Default for Cache {
    fn default() -> Cache {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Cache {
            state: Mutex::default(),
            all_retired: Condvar::new(),
            most_idle: IDLE_AT_LEAST.max(2 * cores),
        }
    }
}

impl Cache {
    /// Gives `job` to an idle thread of this name, or starts one; never waits for one to become idle (C2). On the OS's
    /// refusal the job is dropped before this returns.
    pub(crate) fn launch(self: &Arc<Self>, name: &str, make: Make, job: Job) -> io::Result<()> {
        let mut state = self.state.lock();
        if let Some(seat) = state.take_idle(name, make) {
            drop(state);
            seat.give(Next::Work(job));
            return Ok(());
        }
        state.live += 1;
        state.starting += 1;
        drop(state);
        self.start(name, make, job).inspect_err(|_| {
            self.state.lock().starting -= 1;
            self.leave();
        })
    }

    fn start(self: &Arc<Self>, name: &str, make: Make, job: Job) -> io::Result<()> {
        let mut builder = Builder::new().name(name.to_owned());
        if let Some(bytes) = make.stack_size {
            if bytes > LARGEST_STACK {
                let why = format!("a stack of {bytes} bytes is more than the address space");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
            builder = builder.stack_size(bytes);
        }
        let (inner, cache) = (Mutex::default(), Arc::downgrade(self));
        let seat = Arc::new(Seat { name: name.into(), make, inner, bell: Condvar::new(), cache });
        let (cache, own) = (Arc::clone(self), Arc::clone(&seat));
        // A refusal drops the job, which drops what it captured, which may be the user's.
        let spawned = contain(|| builder.spawn(move || cache.work(&own, job)));
        let handle = spawned.unwrap_or_else(|payload| {
            discard(payload);
            Err(io::ErrorKind::OutOfMemory.into())
        })?;
        seat.inner.lock().handle = Some(handle);
        seat.bell.notify_one();
        Ok(())
    }

    fn work(self: &Arc<Self>, seat: &Arc<Seat>, first: Job) {
        let kernel_id = sys::thread_id();
        let mut state = self.state.lock();
        state.starting -= 1;
        state.known.extend(kernel_id.map(|id| (id, Arc::clone(seat))));
        drop(state);
        let mut job = first;
        loop {
            job(seat);
            match self.idle(seat) {
                Next::Work(next) => job = next,
                Next::Retire => break,
            }
        }
        self.retire(seat, kernel_id);
    }

    /// Blocks until there is a job for this thread, or until it has to go.
    fn idle(&self, seat: &Arc<Seat>) -> Next {
        let end = Instant::now() + IDLE;
        let mut inner = seat.inner.lock();
        loop {
            if let Some(next) = inner.next.take() {
                inner.place = Place::Working;
                return next;
            }
            if inner.place == Place::Working {
                return Next::Retire;
            }
            if inner.place == Place::Claimed {
                seat.bell.wait(&mut inner);
            } else if seat.bell.wait_until(&mut inner, end).timed_out() {
                // The cache's lock comes first; who takes this seat out meanwhile has something for it.
                drop(inner);
                let mine = self.state.lock().remove_idle(seat);
                if mine {
                    return Next::Retire;
                }
                inner = seat.inner.lock();
            }
        }
    }

    /// Puts the thread's own handle into the slot and joins the one that was there. So at any time one ended thread
    /// waits to be joined, and no thread is needed to reap the others.
    fn retire(&self, seat: &Seat, kernel_id: Option<u32>) {
        let mut inner = seat.inner.lock();
        while inner.handle.is_none() {
            // The spawner is between `spawn` and filling the seat: it rings after it has.
            seat.bell.wait(&mut inner);
        }
        let handle = inner.handle.take();
        drop(inner);
        let mine = handle.map(|handle| Retired { handle, kernel_id });
        let older = std::mem::replace(&mut self.state.lock().retired, mine);
        self.join(older);
        self.leave();
    }

    fn join(&self, retired: Option<Retired>) {
        let Some(Retired { handle, kernel_id }) = retired else {
            return;
        };
        // A job contains its panics; what can still unwind there is a thread-local's destructor, which aborts.
        drop(handle.join());
        if let Some(id) = kernel_id {
            let _seat = self.state.lock().known.remove(&id);
        }
    }

    fn leave(&self) {
        let mut state = self.state.lock();
        state.live -= 1;
        if state.live == 0 {
            self.all_retired.notify_all();
        }
    }

    /// From now on nobody idles: what is idle goes, what ends goes.
    pub(crate) fn drain(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        state.idle.clear();
        let idle = std::mem::take(&mut state.by_age);
        drop(state);
        idle.into_values().for_each(|seat| seat.give(Next::Retire));
    }

    /// Blocks until every thread has been joined by the OS, thread-local destructors included.
    ///
    /// Each retired thread was joined by a later one before that one left, and the last is in the slot: so when
    /// nobody is live and the slot's thread has been joined, all have been.
    pub(crate) fn close(&self) {
        self.drain();
        let mut state = self.state.lock();
        while state.live > 0 {
            self.all_retired.wait(&mut state);
        }
        let last = state.retired.take();
        drop(state);
        self.join(last);
    }

    /// True while a thread that was asked for has not told its kernel id.
    pub(crate) fn is_starting(&self) -> bool {
        self.state.lock().starting > 0
    }

    /// Kernel ids of the threads that are not joined yet.
    pub(crate) fn kernel_ids(&self) -> Vec<u32> {
        self.state.lock().known.keys().copied().collect()
    }

    /// Kernel ids and last names of the threads that are idle.
    pub(crate) fn idle_threads(&self) -> Vec<(u32, Arc<str>)> {
        let state = self.state.lock();
        let idle = |seat: &Arc<Seat>| matches!(seat.inner.lock().place, Place::Idle(_));
        let threads = state.known.iter().filter(|(_, seat)| idle(seat));
        threads.map(|(id, seat)| (*id, Arc::clone(&seat.name))).collect()
    }
}

impl State {
    fn take_idle(&mut self, name: &str, make: Make) -> Option<Arc<Seat>> {
        if make.dedicated {
            return None;
        }
        let seats = self.idle.get_mut(name)?;
        let place = seats.iter().rposition(|seat| seat.make == make)?;
        let seat = seats.remove(place);
        if seats.is_empty() {
            self.idle.remove(name);
        }
        self.forget_age(&seat);
        Some(seat)
    }

    /// True if the seat was among the idle, and now is not.
    fn remove_idle(&mut self, seat: &Arc<Seat>) -> bool {
        let Some(seats) = self.idle.get_mut(&seat.name) else { return false };
        let Some(place) = seats.iter().position(|other| Arc::ptr_eq(other, seat)) else { return false };
        seats.remove(place);
        if seats.is_empty() {
            self.idle.remove(&seat.name);
        }
        self.forget_age(seat);
        true
    }

    fn forget_age(&mut self, seat: &Seat) {
        let mut inner = seat.inner.lock();
        if let Place::Idle(age) = inner.place {
            self.by_age.remove(&age);
            inner.place = Place::Claimed;
        }
    }
}

impl Seat {
    fn give(&self, next: Next) {
        let mut inner = self.inner.lock();
        inner.next = Some(next);
        inner.place = Place::Claimed;
        drop(inner);
        self.bell.notify_one();
    }

    /// The job is over but for bookkeeping: the thread may be given the next one. If there are too many idle ones, the
    /// one that has been idle for longest goes.
    pub(crate) fn offer(self: &Arc<Self>) {
        let Some(cache) = self.cache.upgrade() else { return };
        if self.make.dedicated {
            return;
        }
        let mut state = cache.state.lock();
        if state.closing {
            return;
        }
        let age = state.next_age;
        state.next_age += 1;
        self.inner.lock().place = Place::Idle(age);
        state.by_age.insert(age, Arc::clone(self));
        state.idle.entry(Arc::clone(&self.name)).or_default().push(Arc::clone(self));
        let crowded = state.by_age.len() > cache.most_idle;
        let oldest = state.by_age.values().next().filter(|_| crowded).cloned();
        let oldest = oldest.filter(|seat| state.remove_idle(seat));
        drop(state);
        if let Some(seat) = oldest {
            seat.give(Next::Retire);
        }
    }
}
