//! Owns the parts that all scopes of one root share: the OS threads, the timer, the grace, and the
//! way to the registry if it runs the root.
//! Refuses to know signals and exit codes: those are behind [`RootHost`].

use std::panic::Location;
use std::sync::{Arc, Weak, atomic};
use std::time::{Duration, Instant};

use crate::outcome::status::outside::ForeignThread;
use crate::outcome::status::stack::Stacks;
use crate::rt::thread_cache::ThreadCache;
use crate::stop::calls::Calls;
use crate::sync::{OnceCell, locks};
use crate::tree::board::Board;
use crate::tree::core::{Kind, Opening, ScopeCore};
use crate::tree::drain::Drain;
use crate::tree::fault_plan::Probe;
use crate::tree::grace::Clock;
use crate::tree::record::Record;
use crate::tree::running::Running;
use crate::tree::state_lock::Lock;
use crate::tree::text::Text;
use crate::tree::timers::Timers;

/// The default grace of a registry, and the grace of every standalone root.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// The registry, as its root sees it. A standalone root has none.
pub(crate) trait RootHost: Send + Sync {
    /// The earliest deadline has changed, or an interrupt is in doubt: *watch* must look again.
    fn timers_changed(&self);
    /// A stop of the root is asked for, with a grace until `end`: the root's own grace, or one that
    /// a `shutdown` has asked for. Called before the first lock or allocation of that stop, so it
    /// neither locks nor allocates.
    fn stop_announced(&self, end: Instant, is_asked_for: bool);
    /// The shutdown of the root has begun, or its deadline has moved. Called under the root's lock,
    /// so it allocates nothing and does not wait.
    fn clock_moved(&self, clock: &Clock);
    /// Hands work to *stopper*: work that runs the program's code and belongs to no thread of it.
    fn dispatch(&self, work: WorkItem);
    /// Wakes *stopper*, because a scope that it drives has changed, or it was asked for something.
    fn wake_stopper(&self);
    /// The program says something about itself as a whole. False if nothing outside is told.
    fn said(&self, what: Said) -> bool;
    /// The end has come a step further: a thread was told to stop, or is overdue. Neither locks nor
    /// allocates.
    fn stepped(&self);
    /// Returns the threads of the process that are in no tree.
    fn foreign(&self) -> Vec<ForeignThread>;
    /// Returns of which threads stacks are captured, if the program has set it.
    fn stacks(&self) -> Option<Stacks>;
}

/// What a program says about itself as a whole.
pub(crate) enum Said {
    Ready,
    Status(Text),
    /// A reload begins, ends.
    Reloading,
    Reloaded,
}

/// A piece of work for *stopper*.
pub(crate) enum WorkItem {
    /// Carry out the shutdown of this scope, because its body is overdue.
    Drive(Arc<ScopeCore>),
    /// Run the callbacks of a stop that *watch* has marked.
    Call(Calls),
    /// Log this, because a subscriber is the program's code.
    Log(LogEntry),
    /// End when all earlier work is done.
    Quit,
}

/// A line that *stopper* logs for a thread that may not run the program's code.
pub(crate) enum LogEntry {
    /// This signal was forwarded to its channel.
    Forwarded(i32),
    /// This signal was not forwarded: its channel is full (true), or has no receiver (false).
    Lost(i32, bool),
    /// This thread is overdue.
    Overdue(Arc<Record>),
    /// The kernel has refused the timer that ends the process if *watch* cannot (A2).
    NoTimer(std::io::Error),
}

/// The health looks of a registry, in the hands of *stopper*. They are behind a pointer, so that a
/// program that asks for none has no code of them.
pub(crate) trait Looking {
    /// Looks at the tree below `core`, if a look is due. Returns when the next is. Lines join
    /// `calls`. `end` is called for a thread whose state ends the process with this code, before
    /// the line about it is added; what it returns is to follow the line.
    fn attend(
        &mut self,
        core: &Arc<ScopeCore>,
        now: Instant,
        end: &dyn Fn(&Record, u8) -> Calls,
        calls: &mut Calls,
    ) -> Option<Instant>;
}

/// Makes the looks at threads that have said what to expect of them.
pub(crate) type MakeLooks = fn() -> Box<dyn Looking>;

/// The data that all scopes below one root share. The scopes keep it alive.
pub(crate) struct Root {
    /// The OS threads of the root.
    pub(crate) cache: Arc<ThreadCache>,
    /// The time that a stopped scope has, unless `shutdown` sets another.
    pub(crate) grace: Duration,
    pub(crate) timers: Timers,
    /// The findings of the registry's health looks.
    pub(crate) board: Board,
    /// Makes these looks. Set by the first thread that says what to expect of it, before the news
    /// of the board; read by *stopper*.
    pub(crate) looks: OnceCell<MakeLooks>,
    /// The notice before a stop.
    pub(crate) drain: Drain,
    /// The callbacks and deferred functions that run now.
    pub(crate) running: Running,
    /// What the program has last said about itself as a whole. Written by `set_status`, read by
    /// snapshots.
    pub(crate) status: locks::Mutex<Option<Text>>,
    /// The root's own scope. Set once, by `root_of`.
    pub(crate) scope: OnceCell<Weak<ScopeCore>>,
    /// The fault that a test plants into this run.
    pub(crate) probe: OnceCell<Arc<Probe>>,
    /// True if a wait that took long has printed a dump of this root.
    #[cfg_attr(not(feature = "hangs"), expect(dead_code))]
    pub(crate) was_dumped: atomic::AtomicBool,
    /// For an owned root whose value was dropped on a thread of the root.
    pub(crate) left: Left,
    /// The registry, if it runs this root.
    host: Option<Weak<dyn RootHost>>,
    /// The process that made the root: a forked child has another id.
    process: u32,
}

/// Whether the value that owned a root is gone, and its threads are still to be waited for, because
/// the thread that dropped the value could not wait for them.
#[derive(Default)]
pub(crate) struct Left {
    /// Set by that thread; read by each thread of the root that comes home.
    pub(crate) left: atomic::AtomicBool,
    /// Set by the one thread that waits for them now.
    pub(crate) claimed: atomic::AtomicBool,
}

/// Smallest number of roots for which the list makes room.
const FEW: usize = 16;

/// Every root that is not over. The audit reads it to know to which root a thread belongs.
static ROOTS: locks::Mutex<Vec<Weak<Root>>> = locks::Mutex::new(Vec::new());

impl Root {
    pub(crate) fn new(grace: Duration, host: Option<Weak<dyn RootHost>>) -> Arc<Root> {
        crate::sys::know_forks();
        let root = Arc::new(Root {
            cache: Arc::new(ThreadCache::default()),
            grace,
            timers: Timers::default(),
            board: Board::default(),
            looks: OnceCell::new(),
            drain: Drain::default(),
            running: Running::default(),
            status: locks::Mutex::default(),
            scope: OnceCell::new(),
            probe: OnceCell::new(),
            was_dumped: atomic::AtomicBool::new(false),
            left: Left::default(),
            host,
            process: std::process::id(),
        });
        let mut roots = ROOTS.lock();
        if roots.len() == roots.capacity() {
            // The list grows to twice the roots that are left, so each is looked at a few times
            // only, however many there are.
            roots.retain(|root| root.strong_count() > 0);
            let left = roots.len();
            roots.reserve(left.max(FEW));
        }
        roots.push(Arc::downgrade(&root));
        drop(roots);
        root
    }

    /// Returns all roots that are not over.
    pub(crate) fn all() -> Vec<Arc<Root>> {
        ROOTS.lock().iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn core(&self) -> Option<Arc<ScopeCore>> {
        self.scope.get().and_then(Weak::upgrade)
    }

    fn host(&self) -> Option<Arc<dyn RootHost>> {
        // Gone when the run is over: then the registry has nothing left to do for this root.
        self.host.as_ref().and_then(Weak::upgrade)
    }

    pub(crate) fn is_registry(&self) -> bool {
        self.host.is_some()
    }

    pub(crate) fn timers_changed(&self) {
        if let Some(host) = self.host() {
            host.timers_changed();
        }
    }

    pub(crate) fn stop_announced(&self, end: Instant, is_asked_for: bool) {
        if let Some(host) = self.host() {
            host.stop_announced(end, is_asked_for);
        }
    }

    pub(crate) fn clock_moved(&self, clock: &Clock) {
        if let Some(host) = self.host() {
            host.clock_moved(clock);
        }
    }

    /// Hands `work` to *stopper*. A standalone root has no such thread, and drops the work.
    pub(crate) fn dispatch(&self, work: WorkItem) {
        if let Some(host) = self.host() {
            host.dispatch(work);
        }
    }

    /// Wakes *stopper*, which looks again at the scopes that it drives. A standalone root has none.
    pub(crate) fn wake_stopper(&self) {
        if let Some(host) = self.host() {
            host.wake_stopper();
        }
    }

    /// Takes a few words of the program about itself: for snapshots, and for the registry.
    pub(crate) fn set_status(&self, text: Text) {
        // Dropped with the lock free, because it may be large.
        let _earlier = self.status.lock().replace(text.clone());
        self.said(Said::Status(text));
    }

    /// Passes on what the program says of itself. False if nothing outside is told.
    pub(crate) fn said(&self, what: Said) -> bool {
        self.host().is_some_and(|host| host.said(what))
    }

    /// Called when a thread was told to stop, or is overdue.
    pub(crate) fn stepped(&self) {
        if let Some(host) = self.host() {
            host.stepped();
        }
    }

    /// Returns the threads of the process that are in no tree. Only the registry looks for them.
    pub(crate) fn foreign(&self) -> Vec<ForeignThread> {
        self.host().map(|host| host.foreign()).unwrap_or_default()
    }

    /// Returns of which threads stacks are captured, if the program has set it.
    pub(crate) fn stacks(&self) -> Option<Stacks> {
        self.host().and_then(|host| host.stacks())
    }

    /// True in a forked child of the process that made the root.
    pub(crate) fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// Ends the process if this is a forked child, where the threads that a scope would wait for do
    /// not exist.
    pub(crate) fn assert_same_process(&self) {
        if self.is_forked() {
            crate::sys::die(
                "homebound: a scope ended in a forked child, where its threads do not exist; \
                 after fork only exec and _exit are allowed",
            );
        }
    }

    /// Returns the kernel ids of the threads in this tree: members, guests, and threads that run
    /// bodies. *watch* asks as well, for a dump, so this waits for no lock for long.
    pub(crate) fn kernel_ids(&self) -> Vec<u32> {
        let mut found = Vec::new();
        let (lock, mut list) = (Lock::briefly(), Vec::from_iter(self.core()));
        while let Some(core) = list.pop() {
            // A scope whose lock is not free in time is left out.
            let Some(state) = lock.take(&core) else { continue };
            let entries = state.entries.values().map(|entry| &entry.record);
            let records = entries.chain(state.guests.values()).chain(&state.body);
            found.extend(records.filter_map(|record| record.kernel_id()));
            list.extend(state.scopes.values().filter_map(Weak::upgrade));
        }
        found
    }
}

/// Opens the scope of a root that has no opener: a registry's, an owned group's, a test's.
pub(crate) fn open_root(
    root: Arc<Root>,
    name: Text,
    kind: Kind,
    at: &'static Location<'static>,
) -> Arc<ScopeCore> {
    root_of(Opening { name, kind, at, root, parent: None, opener: None, runner: None })
}

/// Opens the scope of a new root.
pub(crate) fn root_of(opening: Opening) -> Arc<ScopeCore> {
    let place = Arc::clone(&opening.root);
    let core = ScopeCore::new(opening);
    // Weak, because the scope holds its root.
    let set = place.scope.set(Arc::downgrade(&core));
    debug_assert!(set.is_ok(), "a root has one scope");
    core
}
