//! Owns what all scopes of one root share: the OS threads, the timer, the grace, and the way to the registry if it is
//! the registry's.
//! Refuses to know signals and exit codes: those are behind [`RootHost`].

use std::panic::Location;
use std::sync::{Arc, Weak, atomic};
use std::time::{Duration, Instant};

use crate::outcome::status::{ForeignThread, Role};
use crate::outcome::words::ITS_ENDS;
use crate::rt::thread_cache::ThreadCache;
use crate::stop::node::Node;
use crate::stop::wakeups::Calls;
use crate::sync::{OnceCell, locks};
use crate::tree::core::{Kind, Opening, ScopeCore};
use crate::tree::fault_plan::Probe;
use crate::tree::grace::Clock;
use crate::tree::record::{Label, Of, Record, Text};
use crate::tree::state_lock::Lock;
use crate::tree::timers::Timers;
use crate::tree::wait_mark::WaitMark;

/// The grace of a root that sets none.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// What the registry does for its root.
pub(crate) trait RootHost: Send + Sync {
    /// The earliest timer is another, or some bell is in doubt: *watch* must look again.
    fn timers_changed(&self);
    /// A stop of the root is asked for, with a grace until then, and nothing has been done for
    /// that: neither locks nor allocates.
    fn stop_announced(&self, end: Instant);
    /// The shutdown of the root has begun, or its deadline has moved. Called under the root's lock: allocates nothing and does
    /// not wait.
    fn clock_moved(&self, clock: &Clock);
    /// Work for *stopper*: what runs user code and does not belong to any thread of the user's.
    fn dispatch(&self, work: WorkItem);
    /// Something has changed that *stopper* must see: in a scope that it drives, or in what it is
    /// asked for.
    fn wake_stopper(&self);
    /// Threads of the process that are nobody's.
    fn foreign(&self) -> Vec<ForeignThread>;
}

/// What *stopper* is asked for.
pub(crate) enum WorkItem {
    /// Carry out the shutdown of this scope, because its body is overdue.
    Drive(Arc<ScopeCore>),
    /// Run the callbacks of a stop that *watch* has marked.
    Call(Calls),
    /// Log this: a subscriber is the program's code.
    Log(LogEntry),
    /// End when all that came before is done.
    Quit,
}

/// What *stopper* logs for threads that may not run the program's code.
pub(crate) enum LogEntry {
    /// This signal was sent on to its channel.
    Forwarded(i32),
    /// This signal was not sent on, because its channel is full (true) or has no receiver (false).
    Lost(i32, bool),
    /// This thread is overdue.
    Overdue(Arc<Record>),
    /// The kernel has refused the timer that ends the process if *watch* cannot.
    NoTimer(std::io::Error),
}

pub(crate) struct Root {
    pub(crate) cache: Arc<ThreadCache>,
    pub(crate) grace: Duration,
    pub(crate) timers: Arc<Timers>,
    pub(crate) scope: OnceCell<Weak<ScopeCore>>,
    /// What a test plants into this run.
    pub(crate) probe: OnceCell<Arc<Probe>>,
    pub(crate) left: Left,
    edge: Option<Weak<dyn RootHost>>,
    process: u32,
}

/// Whether the value that owned a root is gone, though somebody could not wait for its threads.
#[derive(Default)]
pub(crate) struct Left {
    pub(crate) left: atomic::AtomicBool,
    /// Somebody waits for them now.
    pub(crate) claimed: atomic::AtomicBool,
}

/// So many roots are listed before it is asked which of them are over.
const FEW: usize = 16;

/// Every root that is not over: the audit needs to know whose a thread is.
static ROOTS: locks::Mutex<Vec<Weak<Root>>> = locks::Mutex::new(Vec::new());

impl Root {
    pub(crate) fn new(grace: Duration, edge: Option<Weak<dyn RootHost>>) -> Arc<Root> {
        crate::sys::know_forks();
        let root = Arc::new_cyclic(|this| Root {
            cache: Arc::new(ThreadCache::default()),
            grace,
            timers: Arc::new(Timers::new(Weak::clone(this))),
            scope: OnceCell::new(),
            probe: OnceCell::new(),
            left: Left::default(),
            edge,
            process: std::process::id(),
        });
        let mut roots = ROOTS.lock();
        if roots.len() == roots.capacity() {
            // Grows to twice of what is left: so each is looked at a few times only, however many roots there are.
            roots.retain(|root| root.strong_count() > 0);
            let left = roots.len();
            roots.reserve(left.max(FEW));
        }
        roots.push(Arc::downgrade(&root));
        drop(roots);
        root
    }

    pub(crate) fn all() -> Vec<Arc<Root>> {
        ROOTS.lock().iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn core(&self) -> Option<Arc<ScopeCore>> {
        self.scope.get().and_then(Weak::upgrade)
    }

    fn edge(&self) -> Option<Arc<dyn RootHost>> {
        self.edge.as_ref().and_then(Weak::upgrade)
    }

    pub(crate) fn is_registry(&self) -> bool {
        self.edge.is_some()
    }

    pub(crate) fn timers_changed(&self) {
        if let Some(edge) = self.edge() {
            edge.timers_changed();
        }
    }

    pub(crate) fn stop_announced(&self, end: Instant) {
        if let Some(edge) = self.edge() {
            edge.stop_announced(end);
        }
    }

    pub(crate) fn clock_moved(&self, clock: &Clock) {
        if let Some(edge) = self.edge() {
            edge.clock_moved(clock);
        }
    }

    /// Hands `work` to *stopper*. A standalone root has no such thread: there the work is dropped.
    pub(crate) fn dispatch(&self, work: WorkItem) {
        if let Some(edge) = self.edge() {
            edge.dispatch(work);
        }
    }

    /// *stopper* looks again at the scopes that it drives. On a standalone root there is none.
    pub(crate) fn wake_stopper(&self) {
        if let Some(edge) = self.edge() {
            edge.wake_stopper();
        }
    }

    /// Threads of the process that are nobody's; only the registry looks for them.
    pub(crate) fn foreign(&self) -> Vec<ForeignThread> {
        self.edge().map(|edge| edge.foreign()).unwrap_or_default()
    }

    /// True in a forked child.
    pub(crate) fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// In a forked child the threads that it would wait for do not exist.
    pub(crate) fn assert_same_process(&self) {
        if self.is_forked() {
            crate::sys::die(
                "homebound: a scope ended in a forked child, where its threads do not exist; \
                 after fork only exec and _exit are allowed",
            );
        }
    }

    /// Kernel ids of threads that run bodies of this root, or are adopted into it. Asked by *watch* for a dump as well, so it waits
    /// for no lock for long.
    pub(crate) fn hosts(&self) -> Vec<u32> {
        let mut found = Vec::new();
        let (lock, mut list) = (Lock::briefly(), Vec::from_iter(self.core()));
        while let Some(core) = list.pop() {
            let Some(state) = lock.take(&core) else { continue };
            let entries = state.entries.values().map(|entry| &entry.record);
            let records = entries.chain(state.guests.values()).chain(&state.body);
            found.extend(records.filter_map(|record| record.kernel_id()));
            list.extend(state.scopes.values().filter_map(Weak::upgrade));
        }
        found
    }

    /// Ends the timer thread, and joins every OS thread that this root started. The calling thread is that of the body: it stays in
    /// the tree, and says what it waits for. Called on one of those OS threads, this returns at once, and the last of them that
    /// leaves joins the others.
    pub(crate) fn close(&self) {
        let core = self.core();
        let body = core.as_ref().and_then(|core| core.lock().body.clone());
        let at = core.as_ref().map_or_else(Location::caller, |core| core.at);
        let _waits = WaitMark::of(ITS_ENDS, at, Of::Nobody, [body, None]);
        self.timers.close();
        if self.cache.has_caller() {
            self.cache.abandon();
        } else {
            self.cache.close();
        }
    }
}

/// The scope of a new root that nobody opens: a registry's, an owned group, one that is made for a test.
pub(crate) fn open_root(
    root: Arc<Root>,
    name: Text,
    kind: Kind,
    at: &'static Location<'static>,
) -> Arc<ScopeCore> {
    root_of(Opening { name, kind, at, root, parent: None, opener: None, runner: None })
}

/// The scope of a new root.
pub(crate) fn root_of(opening: Opening) -> Arc<ScopeCore> {
    let place = Arc::clone(&opening.root);
    let core = ScopeCore::new(opening);
    let set = place.scope.set(Arc::downgrade(&core));
    debug_assert!(set.is_ok(), "a root has one scope");
    core
}

/// A record for a thread of homebound's own, listed in the tree.
pub(crate) fn internal(core: &Arc<ScopeCore>, name: &'static str, purpose: &'static str) -> Arc<Record> {
    let label = Label { name: name.into(), purpose: purpose.into(), at: Location::caller() };
    let node = Node::new(crate::stop::node::Link::Inside);
    let record = Arc::new(Record::new(label, Role::Internal, core, node));
    core.lock().internal.push(Arc::clone(&record));
    record
}

/// It is listed no more.
pub(crate) fn retire(record: &Arc<Record>) {
    let mut state = record.core.lock();
    let place = state.internal.iter().position(|other| other.id == record.id);
    let gone = place.map(|place| state.internal.remove(place));
    drop(state);
    drop(gone);
}
