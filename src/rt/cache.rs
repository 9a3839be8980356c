//! Owns the OS threads of one root: starts them, keeps idle ones warm for jobs of the same name, and joins every one of
//! them by the OS.
//! Refuses to know scopes: a job is a closure that never unwinds.
//!
//! ```text
//! started --> works --(offers itself)--> idle --(a job of its name)--> works
//!               |                         |
//!               +--(may not be reused)----+--(too many, too long, closing)--> retired --> joined by the next, or by close
//! ```

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::contain::{Owing, contain, discard};
use super::idle::Idle;
use super::look::{A_WAKE_UP, look_for};
use super::seat::{Job, Make, Next, Seat};
use crate::sys;

/// Larger requests overflow std's own rounding; no machine can grant them.
const LARGEST_STACK: usize = isize::MAX as usize / 2;
/// With more threads than this on their way out, a spawn lets them run before it starts another, this many turns at
/// most: it waits for nobody (C2).
const MOST_LEAVING: usize = 64;
const TURNS: usize = 2;
/// How many retired threads one that retires looks at: more than come in, so that the line gets shorter.
const LOOKED_AT: usize = 4;
/// How long a thread stays idle.
const IDLE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(crate) struct Cache {
    state: Mutex<State>,
    all_retired: Condvar,
    /// The same as `live == 0`, for those who look without the lock.
    empty: AtomicBool,
    /// One idle thread at most stays awake for a moment, to take the next job without being woken.
    watched: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Threads that have been asked for and have not yet left `retire`.
    live: usize,
    /// Of those, the ones that have not taken their first step.
    starting: usize,
    /// Nobody idles any more.
    closing: bool,
    /// How many retired threads may wait for `close`: as many as lived when it was foreseen.
    hoard: usize,
    /// Threads that are to end, or are ending, and are not joined yet.
    leaving: usize,
    /// Those of them that are on their last lines: to be joined by the next that retire, or by `close`.
    retired: VecDeque<Retired>,
    /// By kernel id, from a thread's first step until it has been joined.
    known: HashMap<u32, Arc<Seat>>,
    idle: Idle,
}

impl State {
    /// Takes out of the retired those, of a few that are looked at, which have left their main function. The others go to
    /// the end of the line.
    fn take_over(&mut self) -> Vec<Retired> {
        let mut over = Vec::new();
        for _ in 0..self.retired.len().min(LOOKED_AT) {
            match self.retired.pop_front() {
                Some(retired) if retired.handle.is_finished() => over.push(retired),
                other => self.retired.extend(other),
            }
        }
        over
    }
}

struct Retired {
    handle: JoinHandle<()>,
    seat: Arc<Seat>,
    kernel_id: Option<u32>,
}

impl Cache {
    /// Gives `job` to an idle thread of this name, or starts one; never waits for one to become idle (C2). On the OS's
    /// refusal the job is dropped before this returns.
    pub(crate) fn launch(self: &Arc<Self>, name: &str, make: Make, job: Job) -> io::Result<()> {
        let mut state = self.state.lock();
        if let Some(seat) = state.idle.take(name, make) {
            drop(state);
            seat.give(Next::Work(job));
            return Ok(());
        }
        // Ending takes a thread longer than starting does: so those who end are let run, for a bounded number of turns.
        let mut turns = 0..TURNS;
        while state.leaving > MOST_LEAVING && turns.next().is_some() {
            MutexGuard::unlocked(&mut state, thread::yield_now);
        }
        state.live += 1;
        state.starting += 1;
        self.empty.store(false, Ordering::Relaxed);
        drop(state);
        self.start(name, make, job).inspect_err(|_| {
            let mut state = self.state.lock();
            state.starting -= 1;
            self.leave(state);
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
        let seat = Seat::new(name, make, Arc::downgrade(self));
        let (cache, own) = (Arc::clone(self), Arc::clone(&seat));
        // A refusal drops the job, which drops what it captured, which may be the user's.
        let spawned = contain(|| builder.spawn(move || cache.work(&own, job)));
        let handle = spawned.unwrap_or_else(|payload| {
            discard(payload);
            Err(io::ErrorKind::OutOfMemory.into())
        })?;
        seat.put_handle(handle);
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
            // The seat may hold the next job by the time that this one returns: to unwind here would lose it.
            let owing = Owing("homebound: the bookkeeping after a job unwound");
            job(seat);
            owing.paid();
            match self.idle(seat) {
                Next::Work(next) => job = next,
                Next::Retire { counted } => return self.retire(seat, kernel_id, counted),
            }
        }
    }

    /// Blocks until there is a job for this thread, or until it has to go.
    fn idle(&self, seat: &Arc<Seat>) -> Next {
        if seat.is_idle() && !self.watched.swap(true, Ordering::AcqRel) {
            seat.look_out();
            self.watched.store(false, Ordering::Release);
        }
        let mut end = Instant::now() + IDLE;
        loop {
            if let Some(next) = seat.next(end) {
                return next;
            }
            if self.state.lock().idle.remove(seat) {
                return Next::Retire { counted: false };
            }
            // Somebody has taken it out of the idle, and is about to give it something.
            end += IDLE;
        }
    }

    /// The job of `seat` is over but for bookkeeping: from now on it may be given the next one. If there are too many
    /// idle ones, the one that has been idle for longest goes.
    pub(super) fn welcome(&self, seat: &Arc<Seat>) {
        let mut state = self.state.lock();
        if state.closing {
            return;
        }
        let surplus = state.idle.add(seat);
        state.leaving += usize::from(surplus.is_some());
        drop(state);
        if let Some(seat) = surplus {
            seat.give(Next::Retire { counted: true });
        }
    }

    /// Puts the thread's own handle among the retired, and joins some that are on their last lines. So ended threads
    /// are joined by those that end later, and no thread is needed to reap them.
    fn retire(&self, seat: &Arc<Seat>, kernel_id: Option<u32>, counted: bool) {
        let mine = Retired { handle: seat.take_handle(), seat: Arc::clone(seat), kernel_id };
        let mut state = self.state.lock();
        state.leaving += usize::from(!counted);
        if state.retired.len() < state.hoard {
            // Thousands may end at once: each takes the lock once, and `close` joins them all.
            state.retired.push_back(mine);
            return self.leave(state);
        }
        let over = state.take_over();
        state.retired.push_back(mine);
        drop(state);
        over.into_iter().for_each(|retired| self.join(retired));
        self.leave(self.state.lock());
    }

    fn join(&self, retired: Retired) {
        let Retired { handle, seat, kernel_id } = retired;
        // A job contains its panics; what can still unwind there is a thread-local's destructor, which aborts.
        drop(handle.join());
        let mut state = self.state.lock();
        state.leaving -= 1;
        // The kernel may have given the id to a new one of ours by now.
        if let Some(id) = kernel_id
            && state.known.get(&id).is_some_and(|known| Arc::ptr_eq(known, &seat))
        {
            state.known.remove(&id);
        }
    }

    fn leave(&self, mut state: MutexGuard<'_, State>) {
        state.live -= 1;
        if state.live == 0 {
            self.empty.store(true, Ordering::Release);
            self.all_retired.notify_all();
        }
    }

    /// The root is about to end. From now on nobody idles: what is idle goes, what ends goes.
    pub(crate) fn drain(&self) {
        let mut state = self.state.lock();
        if !std::mem::replace(&mut state.closing, true) {
            state.hoard = state.live;
        }
        let idle = state.idle.take_all();
        state.leaving += idle.len();
        drop(state);
        idle.into_iter().for_each(|seat| seat.give(Next::Retire { counted: true }));
    }

    /// Blocks until every thread has been joined by the OS, thread-local destructors included.
    ///
    /// A thread puts its handle among the retired before it leaves, and whoever takes one out joins it before leaving. So
    /// when nobody is live, each has been joined or is among the retired, and those are joined here.
    pub(crate) fn close(&self) {
        self.drain();
        // The last one is on its last lines: it is gone before going to sleep would be.
        look_for(A_WAKE_UP, || self.empty.load(Ordering::Acquire));
        let mut state = self.state.lock();
        while state.live > 0 {
            self.all_retired.wait(&mut state);
        }
        let last = std::mem::take(&mut state.retired);
        drop(state);
        last.into_iter().for_each(|retired| self.join(retired));
    }

    /// How many threads were asked for and have not told their kernel ids.
    pub(crate) fn starting(&self) -> usize {
        self.state.lock().starting
    }

    /// Kernel ids of the threads that are not joined yet.
    pub(crate) fn kernel_ids(&self) -> Vec<u32> {
        self.state.lock().known.keys().copied().collect()
    }

    /// Kernel ids and last names of the threads that are idle.
    pub(crate) fn idle_threads(&self) -> Vec<(u32, Arc<str>)> {
        let state = self.state.lock();
        let threads = state.known.iter().filter(|(_, seat)| seat.is_idle());
        threads.map(|(id, seat)| (*id, Arc::clone(seat.name()))).collect()
    }
}
