//! Owns the OS threads of one root: starts them, keeps idle ones warm for jobs of the same name, and joins every one of
//! them by the OS.
//! Refuses to know scopes: a job is a closure that never unwinds.
//!
//! ```text
//! started --> works --(offers itself)--> idle --(a job of its name)--> works
//!               |                         |
//!               +--(may not be reused)----+--(too many, too long, closing)--> retired --> joined by the next, or by close
//! ```

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::by_id::ById;
use super::contain::{AbortOnUnwind, contain, discard};
use super::event_count::EventCount;
use super::idle::Idle;
use super::lazy_queue::LazyQueue;
use super::os_thread::{Job, Name, Next, OsThread, ThreadOptions, own_number};
use super::spin::{A_WAKE_UP, spin_until};
use crate::sync::{AtomicBool, AtomicUsize, Builder, JoinHandle, Mutex, join, yield_now};
use crate::sys::Attributes;

/// Larger requests overflow std's own rounding; no machine can grant them.
const LARGEST_STACK: usize = isize::MAX as usize / 2;
/// With more threads than this on their way out, a spawn lets them run before it starts another, this many turns at
/// most: it waits for nobody (C2).
const MOST_LEAVING: usize = 64;
const TURNS: usize = 2;
/// How many of those that end at once are left for each time that `close`, or who waits to get there, is woken.
const BATCH: usize = 16;
/// How many retired threads one that retires looks at: more than come in, so that the line gets shorter.
const LOOKED_AT: usize = 4;
/// How long a thread stays idle.
const IDLE: Duration = Duration::from_secs(10);

/// OS threads are numbered through all caches, from 1: a thread knows its own by that.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

/// What a thread does on its way out takes no lock: thousands may end at once.
#[derive(Default)]
pub(crate) struct ThreadCache {
    /// What its threads begin with: those of the thread that began the root.
    attributes: Attributes,
    state: Mutex<State>,
    /// Threads that have been asked for and have not yet left `retire`. Grows under the lock of `state`.
    live: AtomicUsize,
    /// For who waits until something may be reaped, or until nobody is live; the root's own changes are noted here, too.
    changes: EventCount,
    /// Threads that are to end, or are ending, and are not joined yet.
    leaving: AtomicUsize,
    /// Those of them that are on their last lines: to be joined by the next that retire, or by `close`.
    retired: LazyQueue<Retired>,
    /// How many threads more may leave their handles for `close`: as many as lived when that was foreseen.
    deferred_joins: AtomicUsize,
    /// Those that are in their OS threads when the root ends, the first that were started in front.
    last: Mutex<VecDeque<Arc<OsThread>>>,
    /// One idle thread at most stays awake for a moment, to take the next job without being woken.
    watched: AtomicBool,
    /// Nobody waits for the end: the last thread to leave joins the others.
    abandoned: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Nobody idles any more.
    closing: bool,
    /// By number, from before a thread is asked for until it has been joined.
    os_threads: ById<Arc<OsThread>>,
    idle: Idle,
}

struct Retired {
    handle: JoinHandle<()>,
    os_thread: Arc<OsThread>,
}

impl ThreadCache {
    /// Gives `job` to an idle thread of this name, or starts one; never waits for one to become idle (C2). On the OS's
    /// refusal the job is dropped before this returns.
    pub(crate) fn launch(self: &Arc<Self>, name: &Name, make: ThreadOptions, job: Job) -> io::Result<()> {
        let mut state = self.state.lock();
        if let Some(os_thread) = state.idle.take(name, make) {
            drop(state);
            os_thread.give(Next::Work(job));
            return Ok(());
        }
        self.live.fetch_add(1, Ordering::Relaxed);
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        let os_thread = OsThread::new(number, name.clone(), make, Arc::downgrade(self));
        state.os_threads.insert(os_thread.number(), Arc::clone(&os_thread));
        drop(state);
        // Ending takes a thread longer than starting does: so those who end are let run, for a bounded number of turns.
        let mut turns = 0..TURNS;
        while self.leaving.load(Ordering::Relaxed) > MOST_LEAVING && turns.next().is_some() {
            yield_now();
        }
        self.start(&os_thread, job).inspect_err(|_| {
            self.state.lock().os_threads.remove(os_thread.number());
            self.leave();
        })
    }

    fn start(self: &Arc<Self>, os_thread: &Arc<OsThread>, job: Job) -> io::Result<()> {
        let mut builder = Builder::new().name(os_thread.name().to_string());
        if let Some(bytes) = os_thread.options().stack_size {
            if bytes > LARGEST_STACK {
                let why = format!("a stack of {bytes} bytes is more than the address space");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
            builder = builder.stack_size(bytes);
        }
        let (cache, own) = (Arc::clone(self), Arc::clone(os_thread));
        // A refusal drops the job, which drops what it captured, which may be the user's.
        let spawned = contain(|| builder.spawn(move || cache.run_jobs(&own, job)));
        let handle = spawned.unwrap_or_else(|payload| {
            discard(payload);
            Err(io::ErrorKind::OutOfMemory.into())
        })?;
        os_thread.put_handle(handle);
        Ok(())
    }

    fn run_jobs(self: &Arc<Self>, os_thread: &Arc<OsThread>, first: Job) {
        // It has inherited those of its spawner. What cannot be taken back is not: it is not used again.
        let _as_the_root = self.attributes.begin();
        os_thread.begin();
        let mut job = first;
        loop {
            // The OS thread may hold the next job by the time that this one returns: to unwind here would lose it.
            let owing = AbortOnUnwind("homebound: the bookkeeping after a job unwound");
            job(os_thread);
            owing.defuse();
            match self.idle(os_thread) {
                Next::Work(next) => job = next,
                Next::Retire { counted } => return self.retire(os_thread, counted),
            }
        }
    }

    /// Blocks until there is a job for this thread, or until it has to go.
    fn idle(&self, os_thread: &Arc<OsThread>) -> Next {
        if os_thread.is_idle() && !self.watched.swap(true, Ordering::AcqRel) {
            os_thread.look_out();
            self.watched.store(false, Ordering::Release);
        }
        let mut end = Instant::now() + IDLE;
        loop {
            if let Some(next) = os_thread.next(end) {
                return next;
            }
            if self.state.lock().idle.remove(os_thread) {
                os_thread.set_leaving();
                return Next::Retire { counted: false };
            }
            // Somebody has taken it out of the idle, and is about to give it something.
            end += IDLE;
        }
    }

    /// The job of `os_thread` is over but for bookkeeping: from now on it may be given the next one. If there are too many
    /// idle ones, the one that has been idle for longest goes.
    pub(super) fn keep_warm(&self, os_thread: &Arc<OsThread>) {
        let mut state = self.state.lock();
        if state.closing {
            return;
        }
        let surplus = state.idle.add(os_thread);
        drop(state);
        if let Some(os_thread) = surplus {
            self.leaving.fetch_add(1, Ordering::Relaxed);
            os_thread.give(Next::Retire { counted: true });
        }
    }

    /// Puts the thread's own handle among the retired, and joins some that are on their last lines. So ended threads
    /// are joined by those that end later, and no thread is needed to reap them. When the root ends, `close` is near, and
    /// finds the handle in the os_thread.
    fn retire(&self, os_thread: &Arc<OsThread>, counted: bool) {
        if !counted {
            self.leaving.fetch_add(1, Ordering::Relaxed);
        }
        if self.may_be_left() {
            os_thread.set_retired();
            self.leave();
            return;
        }
        let over = self.take_over();
        self.retired.push(Retired { handle: os_thread.take_handle(), os_thread: Arc::clone(os_thread) });
        for retired in over {
            // Its main function is over, and a destructor of its thread-locals may hang: then this thread hangs with it.
            os_thread.set_joins(Some(retired.os_thread.name().clone()));
            self.join(retired);
        }
        os_thread.set_joins(None);
        self.leave();
    }

    /// Joins those that have left their handles in their OS threads, as far as they stand in front: by whoever waits for the end
    /// of the root, while the others end. One thread does so: the allocator of stacks has one lock.
    pub(crate) fn reap(&self) {
        let mut last = self.last.lock();
        let own = own_number();
        let can_be_joined = |os_thread: &Arc<OsThread>| os_thread.has_retired() && os_thread.number() != own;
        while last.front().is_some_and(can_be_joined) {
            let Some(os_thread) = last.pop_front() else { break };
            self.join(Retired { handle: os_thread.take_handle(), os_thread });
        }
    }

    /// Told when there is something to reap, and when nobody is live.
    pub(crate) fn changes(&self) -> &EventCount {
        &self.changes
    }

    fn may_be_left(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        self.deferred_joins.load(Ordering::Relaxed) > 0
            && self.deferred_joins.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// Takes out of the retired those, of a few that are looked at, which have left their main function. The others go to
    /// the end of the line.
    fn take_over(&self) -> Vec<Retired> {
        let mut over = Vec::new();
        for _ in 0..self.retired.len().min(LOOKED_AT) {
            match self.retired.pop() {
                Some(retired) if retired.handle.is_finished() => over.push(retired),
                Some(retired) => self.retired.push(retired),
                None => break,
            }
        }
        over
    }

    fn join(&self, retired: Retired) {
        let Retired { handle, os_thread } = retired;
        if os_thread.number() == own_number() {
            // The last one out: nobody is left to join it.
            drop(handle);
        } else {
            // A job contains its panics; what can still unwind there is a thread-local's destructor, which aborts.
            join(handle, |has_ended| spin_until(A_WAKE_UP, has_ended));
        }
        self.leaving.fetch_sub(1, Ordering::Relaxed);
        self.state.lock().os_threads.remove(os_thread.number());
    }

    /// What the thread put among the retired is seen by whoever sees the count without it.
    fn leave(&self) {
        let left = self.live.fetch_sub(1, Ordering::SeqCst) - 1;
        if left % BATCH == 0 {
            self.changes.notify();
        }
        // Pairs with `abandon`: one of the two sees what the other did.
        if left == 0 && self.abandoned.load(Ordering::SeqCst) {
            self.join_rest_once();
        }
    }

    pub(super) fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    fn is_empty(&self) -> bool {
        self.live.load(Ordering::SeqCst) == 0
    }

    /// True if the calling thread is one of these, also in its last destructors.
    pub(crate) fn has_caller(&self) -> bool {
        let own = own_number();
        own != 0 && self.state.lock().os_threads.get(own).is_some()
    }

    /// In place of `close`, for one of these threads: another may be joining it, so it must not wait for the others. The last
    /// of them to leave joins them; it is the one that nobody joins.
    pub(crate) fn abandon(&self) {
        self.drain();
        self.abandoned.store(true, Ordering::SeqCst);
        // Pairs with `leave`. The caller may have left before, and be in its last destructors.
        if self.is_empty() {
            self.join_rest_once();
        }
    }

    fn join_rest_once(&self) {
        if self.abandoned.swap(false, Ordering::SeqCst) {
            self.join_rest();
        }
    }

    /// The root is about to end. From now on nobody idles: what is idle goes, what ends goes.
    pub(crate) fn drain(&self) {
        let mut state = self.state.lock();
        if !std::mem::replace(&mut state.closing, true) {
            self.deferred_joins.store(self.live.load(Ordering::Relaxed), Ordering::Relaxed);
            *self.last.lock() = state.os_threads.values().cloned().collect();
        }
        let idle = state.idle.take_all();
        drop(state);
        self.leaving.fetch_add(idle.len(), Ordering::Relaxed);
        idle.into_iter().for_each(|os_thread| os_thread.give(Next::Retire { counted: true }));
    }

    /// Blocks until every thread has been joined by the OS, thread-local destructors included.
    ///
    /// A thread puts its handle among the retired before it leaves, or leaves it in its OS thread, and whoever takes one out
    /// joins it before leaving. So when nobody is live, each has been joined, or is found here.
    pub(crate) fn close(&self) {
        self.drain();
        // The last one is on its last lines: it is gone before going to sleep would be.
        spin_until(A_WAKE_UP, || self.is_empty());
        loop {
            let seen = self.changes.epoch();
            if self.is_empty() {
                break;
            }
            self.changes.wait(seen, None);
        }
        self.join_rest();
    }

    /// Nobody is live: all are among the retired, or in their os_threads.
    fn join_rest(&self) {
        while let Some(retired) = self.retired.pop() {
            self.join(retired);
        }
        self.reap();
        // Started when the end was foreseen already.
        let left: Vec<_> = self.state.lock().os_threads.values().cloned().collect();
        for os_thread in left {
            self.join(Retired { handle: os_thread.take_handle(), os_thread });
        }
    }

    /// What is seen of the threads that are not joined yet.
    pub(super) fn look<R>(&self, see: impl Fn(&Arc<OsThread>) -> Option<R>) -> Vec<R> {
        self.state.lock().os_threads.values().filter_map(see).collect()
    }
}
