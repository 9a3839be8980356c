//! Owns the OS threads of one root: starts them, and keeps idle ones warm for routines of the same
//! name.
//! Refuses to know scopes: a routine is a closure that never unwinds. How threads leave and are
//! joined stands in `joining`.
//!
//! ```text
//! started --> works --(given back)--> idle --(a routine of its name)--> works
//!               |                       |
//!               +--(not reusable)-------+--(too many, too long, closing)--> retired --> joined
//! ```

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

use super::by_id::ById;
use super::contain::{AbortOnUnwind, contain, discard, drop_contained};
use super::event_count::EventCount;
use super::idle::Idle;
use super::lazy_queue::LazyQueue;
use super::maker::Maker;
use super::options::{ThreadOptions, is_lowered};
use super::os_thread::{Order, OsThread, Routine, own_number};
use super::shown::shown;
use super::title::Name;
use crate::sync::{AtomicBool, AtomicUsize, Builder, JoinHandle, Mutex, yield_now};
use crate::sys::Attributes;

/// In bytes. Larger requests overflow std's own rounding, and no machine can grant them.
const LARGEST_STACK: usize = isize::MAX as usize / 2;
/// With more threads than this on their way out, a spawn yields its turn before it starts another.
const MOST_LEAVING: usize = 64;
/// Turns that such a spawn yields at most: it waits for no thread (C2).
const TURNS: usize = 2;
/// The longest time that a thread stays idle.
const IDLE: Duration = Duration::from_secs(10);
/// Idle threads that a refused spawn sends away at most, one after the other.
const SENT_AWAY: usize = 4;
/// The time in which the system is to have room after one of them was sent away. Its end takes
/// microseconds, unless a destructor of its thread-locals blocks.
const ROOM: Duration = Duration::from_millis(100);
/// The time between two questions meanwhile. The system does not tell when a thread is gone.
const ASKS_AGAIN: Duration = Duration::from_micros(100);

/// The number of the next OS thread. Unique in the process, so that a thread knows by it whether it
/// belongs to a cache.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

/// A thread that is on its last lines, with the handle to join it by.
pub(super) struct Retired {
    pub(super) handle: JoinHandle<()>,
    pub(super) os_thread: Arc<OsThread>,
}

/// All OS threads of one root. Once the root is about to end, a thread that leaves takes no lock of
/// the cache (`retire`), because thousands may end at once.
pub(crate) struct ThreadCache {
    /// The attributes of the thread that opened the root. Each thread of the root begins with them.
    attributes: Attributes,
    /// The number of threads of the root that can run at once. Read when the root begins, because a
    /// thread of the root that asks later may be on few cores.
    pub(crate) width: usize,
    /// Starts threads for spawners that have less claim to a processor than the root.
    pub(crate) maker: Maker<Arc<OsThread>>,
    /// Taken by spawners, by a thread that begins or ceases to idle, and by a joiner.
    pub(super) state: Mutex<State>,
    /// The number of threads that have been asked for and have not passed `leave`. Raised under the
    /// lock of `state`, before the thread is asked for; lowered by `leave`, without it. `close`
    /// waits until it is 0.
    pub(super) live: AtomicUsize,
    /// Wakes `close`, and the thread that waits for the end of the root and meanwhile reaps.
    /// `leave` notifies, and so does the root after changes of its own.
    pub(super) changes: EventCount,
    /// The number of threads that have to leave or are leaving, and are not joined yet. Raised by
    /// the thread that sends one away, lowered by its joiner. Read by `launch`, which it slows
    /// down.
    pub(super) leaving: AtomicUsize,
    /// Threads on their last lines. Each is to be joined by a thread that retires later, or by
    /// `close`.
    pub(super) retired: LazyQueue<Retired>,
    /// The number of threads that may still leave their handle in their `OsThread` and leave,
    /// without joining a predecessor, because the thread that ends the root will join them. Set by
    /// `drain` to the number of live threads.
    pub(super) deferred_joins: AtomicUsize,
    /// The threads that lived when the root began to end, oldest first. `drain` fills it, `reap`
    /// empties it. At most one thread reaps at a time.
    pub(super) last: Mutex<VecDeque<Arc<OsThread>>>,
    /// True while an idle thread polls for its next routine, which then needs no wake-up. At most
    /// one thread polls, because each occupies a core.
    watched: AtomicBool,
    /// True if no thread waits for the end of the others, so that the last thread to leave joins
    /// the rest. Set by `abandon`, cleared by the thread that does it.
    pub(super) abandoned: AtomicBool,
}

#[derive(Default)]
pub(super) struct State {
    /// Set by `drain`, for ever: no thread becomes idle any more.
    pub(super) closing: bool,
    /// All threads by number: from before a thread is asked for until it has been joined.
    pub(super) os_threads: ById<Arc<OsThread>>,
    /// The idle ones among them.
    pub(super) idle: Idle,
}

/// The cache of a root that the calling thread begins.
impl Default for ThreadCache {
    fn default() -> ThreadCache {
        let attributes = Attributes::default();
        ThreadCache {
            attributes,
            width: width(&attributes),
            maker: Maker::default(),
            state: Mutex::default(),
            live: AtomicUsize::new(0),
            changes: EventCount::default(),
            leaving: AtomicUsize::new(0),
            retired: LazyQueue::default(),
            deferred_joins: AtomicUsize::new(0),
            last: Mutex::default(),
            watched: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
        }
    }
}

impl ThreadCache {
    /// Gives `routine` to an idle thread of this name, or starts one. Never waits for one to become
    /// idle (C2). If the OS refuses, idle threads of other names make room. If it still refuses,
    /// the routine is dropped before this returns.
    pub(crate) fn launch(
        self: &Arc<Self>,
        name: &Name,
        make: ThreadOptions,
        routine: Routine,
    ) -> io::Result<()> {
        let mut state = self.state.lock();
        if let Some(os_thread) = state.idle.take(name, &make) {
            drop(state);
            // `take` has claimed the thread, so no other spawner gives to it. The lock is free: the
            // thread may come and take it.
            os_thread.give(Order::Run(routine));
            return Ok(());
        }
        let os_thread = self.add(&mut state, name, make);
        drop(state);
        self.start_or_undo(&os_thread, routine)
    }

    /// Starts a thread for `routine`, whatever idles: the heir of `before`, which was bequeathed.
    /// The heir calls [`join_bequeathed`](Self::join_bequeathed) first.
    pub(crate) fn launch_heir(self: &Arc<Self>, before: &OsThread, routine: Routine) -> io::Result<()> {
        let os_thread = self.add(&mut self.state.lock(), before.name(), before.options().clone());
        self.start_or_undo(&os_thread, routine)
    }

    /// Enters a thread that is about to be asked for, so that `close` does not overlook it.
    fn add(&self, state: &mut State, name: &Name, make: ThreadOptions) -> Arc<OsThread> {
        self.live.fetch_add(1, Ordering::Relaxed);
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        let os_thread = OsThread::new(number, name.clone(), make);
        state.os_threads.insert(os_thread.number(), Arc::clone(&os_thread));
        os_thread
    }

    fn start_or_undo(self: &Arc<Self>, os_thread: &Arc<OsThread>, routine: Routine) -> io::Result<()> {
        // Before the thread is asked for: it finds the order when it begins.
        os_thread.give(Order::Run(routine));
        // Ending takes a thread longer than starting, so threads that are started without pause
        // would pile up behind threads that end. Let the ending ones run, for a bounded number of
        // turns. The number is only a hint, so `Relaxed` is enough.
        let mut turns = 0..TURNS;
        while self.leaving.load(Ordering::Relaxed) > MOST_LEAVING && turns.next().is_some() {
            yield_now();
        }
        let asked = self.ask_system(os_thread);
        let started = if is_full(&asked) { self.ask_for_room(os_thread, asked) } else { asked };
        started.inspect_err(|_| {
            // Refused: drop the routine, which may have captured a value of the program's. Then
            // undo the entry and the count.
            discard(drop_contained(os_thread.take_order()));
            self.state.lock().os_threads.remove(os_thread.number());
            self.leave();
        })
    }

    fn ask_system(self: &Arc<Self>, os_thread: &Arc<OsThread>) -> io::Result<()> {
        // A new thread has no more claim to a processor than the thread that starts it.
        let made = if is_lowered() { self.maker.ask(Arc::clone(os_thread)) } else { None };
        made.unwrap_or_else(|| self.start(os_thread))
    }

    /// The system has refused the thread, because there are too many. Idle threads are among them,
    /// so the spawner sends some away and asks again. Waits for no thread: a destructor of its
    /// thread-locals may hang.
    #[cold]
    fn ask_for_room(
        self: &Arc<Self>,
        os_thread: &Arc<OsThread>,
        mut refused: io::Result<()>,
    ) -> io::Result<()> {
        for _ in 0..SENT_AWAY {
            let Some(oldest) = self.state.lock().idle.take_oldest() else { break };
            // `take_oldest` has claimed it.
            self.send_away(&oldest);
            let end = Instant::now() + ROOM;
            while is_full(&refused) && Instant::now() < end {
                self.changes.wait(self.changes.epoch(), Some(Instant::now() + ASKS_AGAIN));
                refused = self.ask_system(os_thread);
            }
            if !is_full(&refused) {
                break;
            }
        }
        refused
    }

    /// Orders a thread to leave that the caller has claimed.
    fn send_away(&self, os_thread: &OsThread) {
        self.leaving.fetch_add(1, Ordering::Relaxed);
        os_thread.give(Order::Retire { counted: true });
    }

    /// Asks the system for the thread, which finds its first order in its mailbox.
    pub(crate) fn start(self: &Arc<Self>, os_thread: &Arc<OsThread>) -> io::Result<()> {
        // Escaped, because std's panic hook prints the name to stderr as it is.
        let shown = shown(os_thread.name());
        // With room for the zero that std adds, so that the name is not moved for it.
        let mut name = String::with_capacity(shown.len() + 1);
        name.push_str(&shown);
        let mut builder = Builder::new().name(name);
        if let Some(bytes) = os_thread.options().stack_size() {
            if bytes > LARGEST_STACK {
                let why = format!("a stack of {bytes} bytes is more than the address space");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
            builder = builder.stack_size(bytes);
        }
        let (cache, own) = (Arc::clone(self), Arc::clone(os_thread));
        // A box, as for *watch*, because std's code is compiled for each type of closure.
        let work: Box<dyn FnOnce() + Send> = Box::new(move || cache.run_routines(&own));
        // An unwind here would leave a thread in the count that never was.
        let spawned = contain(|| builder.spawn(work));
        let handle = spawned.unwrap_or_else(|payload| {
            discard(payload);
            Err(io::ErrorKind::OutOfMemory.into())
        })?;
        // The thread may run already, and another may wait for the handle in `take_handle`.
        os_thread.put_handle(handle);
        Ok(())
    }

    fn run_routines(self: &Arc<Self>, os_thread: &Arc<OsThread>) {
        os_thread.begin(&self.attributes);
        loop {
            match self.idle(os_thread) {
                Order::Run(routine) => {
                    // The thread may have been given its next routine by the time that this routine
                    // returns, and an unwind here would lose that routine.
                    let owing = AbortOnUnwind("homebound: the bookkeeping after a routine unwound");
                    routine(os_thread);
                    owing.defuse();
                }
                Order::Retire { counted } => return self.retire(os_thread, counted),
            }
        }
    }

    /// Blocks until there is a routine for this thread, or until it has to leave.
    fn idle(&self, os_thread: &Arc<OsThread>) -> Order {
        // One poller at a time: `swap` lets one thread in until that thread is done.
        if os_thread.is_idle() && !self.watched.swap(true, Ordering::AcqRel) {
            os_thread.look_out();
            self.watched.store(false, Ordering::Release);
        }
        let mut end = Instant::now() + IDLE;
        loop {
            if let Some(next) = os_thread.next(end) {
                return next;
            }
            // Idle -> claimed by itself, under the lock that spawners claim under, so that no
            // routine is given to a thread that leaves.
            if self.state.lock().idle.remove(os_thread) {
                os_thread.set_leaving();
                return Order::Retire { counted: false };
            }
            // A spawner or `drain` has claimed the thread, and is about to give it an order.
            end += IDLE;
        }
    }

    /// Called by a routine at its end: offers its OS thread for another routine. First the kernel's
    /// name, the signal mask and the rounding of numbers become those of the root again. A thread
    /// whose scheduling the routine has changed is not offered, because the system may refuse to
    /// change it back, and the next routine did not ask for it. Other attributes, such as the
    /// processors, are not looked at, since each look is a system call. A thread that could not
    /// begin as the root did is not offered either.
    pub(crate) fn give_back(&self, os_thread: &Arc<OsThread>) {
        if os_thread.options().is_alone() || os_thread.setting().is_some() {
            return;
        }
        os_thread.restore_name();
        if self.attributes.take_back() {
            self.keep_warm(os_thread);
        }
    }

    /// Working -> idle: the routine of `os_thread` is over but for bookkeeping, and from now on a
    /// spawner may give the next routine. If there are too many idle threads, the one that has been
    /// idle for longest is sent away.
    fn keep_warm(&self, os_thread: &Arc<OsThread>) {
        let mut state = self.state.lock();
        if state.closing {
            return;
        }
        let surplus = state.idle.add(os_thread, self.width);
        drop(state);
        // `add` has claimed it: no spawner can give it a routine.
        surplus.iter().for_each(|os_thread| self.send_away(os_thread));
    }

    /// True if the calling thread belongs to this cache, also in its last destructors.
    pub(crate) fn has_caller(&self) -> bool {
        let own = own_number();
        own != 0 && self.state.lock().os_threads.get(own).is_some()
    }

    /// Returns what `see` finds in the threads that are not joined yet, oldest first.
    pub(super) fn look<R>(&self, see: impl Fn(&Arc<OsThread>) -> Option<R>) -> Vec<R> {
        self.state.lock().os_threads.values().filter_map(see).collect()
    }
}

/// True if the system has refused a thread for want of room: of threads, or of memory.
fn is_full(asked: &io::Result<()>) -> bool {
    use io::ErrorKind::{OutOfMemory, WouldBlock};
    asked.as_ref().is_err_and(|refusal| matches!(refusal.kind(), WouldBlock | OutOfMemory))
}

/// Returns the number of threads of a root that can run at once: by the cores of the root, and by
/// the quota of the process. The quota is asked for once, when the first root begins, because the
/// answer takes several files, and is about the calling thread, which may be on few cores.
fn width(root: &Attributes) -> usize {
    static PROCESS: OnceCell<usize> = OnceCell::new();
    let process = *PROCESS.get_or_init(|| available_parallelism().map_or(1, usize::from));
    process.min(root.width())
}
