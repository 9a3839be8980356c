//! Owns what all scopes of one root share: the OS threads, the timer, the grace, and the way to the registry if it is
//! the registry's.
//! Refuses to know signals and exit codes: those are behind [`Edge`].

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::bell::{Bell, Ringer};
use crate::limit::Timer;
use crate::probe::Probe;
use crate::reason::StopReason;
use crate::record::{ITS_ENDS, Label, Of, Outcome, Record};
use crate::rounds::{Rounds, ring_for};
use crate::rt::cache::Cache;
use crate::rt::contain::told;
use crate::rt::seat::{Make, Seat};
use crate::scope_core::ScopeCore;
use crate::status::{ForeignThread, Role};
use crate::stop::Node;
use crate::sync::{Condvar, Mutex, OnceCell};
use crate::wait::Mark;

/// How long one who stops rings by himself what is in doubt, while the thread that would do it runs a callback. A waiter that
/// is between its look and its wait needs a moment on a processor.
const PATIENCE: Duration = Duration::from_millis(100);

/// The grace of a root that sets none.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// What the registry does for its root.
pub(crate) trait Edge: Send + Sync {
    /// A deadline was set or moved, or the earliest timer is another: *watch* must look again.
    fn clock_changed(&self);
    /// Work for *stopper*: what runs user code and does not belong to any thread of the user's.
    fn carry_out(&self, errand: Errand);
    /// Threads of the process that are nobody's.
    fn foreign(&self) -> Vec<ForeignThread>;
}

/// What *stopper* is asked for.
pub(crate) enum Errand {
    Stop(Arc<ScopeCore>, StopReason),
    Expire(Weak<Node>),
    /// To be logged: this signal was sent on.
    Forwarded(i32),
    /// To be logged: it was not, since the channel is full (true), or nobody receives.
    Lost(i32, bool),
    /// Its body is overdue: carry out its shutdown in its stead.
    Drive(Arc<ScopeCore>),
    LookAgain,
    Overdue(Arc<Record>),
    /// Say again who is overdue.
    Warn(Arc<ScopeCore>),
    Quit,
}

pub(crate) struct Root {
    pub(crate) cache: Arc<Cache>,
    pub(crate) grace: Duration,
    pub(crate) timers: Arc<Timers>,
    pub(crate) scope: OnceCell<Weak<ScopeCore>>,
    /// What a test plants into this run.
    pub(crate) probe: OnceCell<Arc<Probe>>,
    edge: Option<Weak<dyn Edge>>,
    process: u32,
}

/// Every root that is not over: the audit needs to know whose a thread is.
static ROOTS: parking_lot::Mutex<Vec<Weak<Root>>> = parking_lot::Mutex::new(Vec::new());

impl Root {
    pub(crate) fn new(grace: Duration, edge: Option<Weak<dyn Edge>>) -> Arc<Root> {
        crate::sys::know_forks();
        let root = Arc::new_cyclic(|this| Root {
            cache: Arc::new(Cache::default()),
            grace,
            timers: Arc::new(Timers {
                root: Weak::clone(this),
                state: Mutex::default(),
                due: Condvar::new(),
            }),
            scope: OnceCell::new(),
            probe: OnceCell::new(),
            edge,
            process: std::process::id(),
        });
        let mut roots = ROOTS.lock();
        roots.retain(|root| root.strong_count() > 0);
        roots.push(Arc::downgrade(&root));
        drop(roots);
        root
    }

    pub(crate) fn all() -> Vec<Arc<Root>> {
        ROOTS.lock().iter().filter_map(Weak::upgrade).collect()
    }

    fn edge(&self) -> Option<Arc<dyn Edge>> {
        self.edge.as_ref().and_then(Weak::upgrade)
    }

    pub(crate) fn is_registry(&self) -> bool {
        self.edge.is_some()
    }

    pub(crate) fn clock_changed(&self) {
        if let Some(edge) = self.edge() {
            edge.clock_changed();
        }
    }

    /// Hands `errand` to *stopper*; a standalone root has none, and gets it back.
    pub(crate) fn carry_out(&self, errand: Errand) {
        match (self.edge(), errand) {
            (Some(edge), errand) => edge.carry_out(errand),
            // Whoever drives a standalone scope is a thread of the user's, and may log.
            (None, Errand::Overdue(record)) => crate::overdue::warn(&record),
            (None, _) => {}
        }
    }

    /// Threads of the process that are nobody's; only the registry looks for them.
    pub(crate) fn foreign(&self) -> Vec<ForeignThread> {
        self.edge().map(|edge| edge.foreign()).unwrap_or_default()
    }

    /// In a forked child the threads that it would wait for do not exist.
    pub(crate) fn assert_same_process(&self) {
        if std::process::id() != self.process {
            crate::sys::die(
                "homebound: a scope ended in a forked child, where its threads do not exist; \
                 after fork only exec and _exit are allowed",
            );
        }
    }

    /// Kernel ids of threads that run bodies of this root, or are adopted into it.
    pub(crate) fn hosts(&self) -> Vec<u32> {
        let mut found = Vec::new();
        let mut list: Vec<_> = self.scope.get().and_then(Weak::upgrade).into_iter().collect();
        while let Some(core) = list.pop() {
            let state = core.lock();
            let records = state.entries.values().map(|entry| &entry.record).chain(&state.body);
            found.extend(records.filter_map(|record| record.kernel_id()));
            list.extend(state.scopes.values().filter_map(Weak::upgrade));
        }
        found
    }

    /// Ends the timer thread, and joins every OS thread that this root started. The calling thread is that of the body: it stays in
    /// the tree, and says what it waits for.
    pub(crate) fn close(&self) {
        let core = self.scope.get().and_then(Weak::upgrade);
        let body = core.as_ref().and_then(|core| core.lock().body.clone());
        let at = core.as_ref().map_or_else(Location::caller, |core| core.at);
        let _waits = Mark::of(ITS_ENDS, at, Of::Nobody, [body, None]);
        self.timers.close();
        self.cache.close();
    }
}

/// Deadlines that somebody waits for without a time-out of his own.
/// And bells that are rung by the thread that keeps the time: *watch*, or the lazy one of a standalone root.
pub(crate) struct Timers {
    root: Weak<Root>,
    state: Mutex<TimerState>,
    due: Condvar,
}

#[derive(Default)]
struct TimerState {
    waiting: BTreeMap<(Instant, u64), Weak<Node>>,
    /// To be rung by whoever keeps the time.
    doubts: Vec<Arc<Bell>>,
    /// A standalone root's one lazy thread is there.
    running: bool,
    /// It runs a callback of the user's, which may wait for whoever is to be rung.
    occupied: bool,
    closed: bool,
}

impl Timer for Timers {
    fn arm(&self, at: Instant, key: u64, node: Weak<Node>) {
        let mut state = self.state.lock();
        let earliest = state.waiting.keys().next().is_none_or(|(first, _)| at < *first);
        state.waiting.insert((at, key), node);
        let start = !state.running && !state.closed;
        drop(state);
        let Some(root) = self.root.upgrade() else { return };
        if root.is_registry() {
            if earliest {
                root.clock_changed();
            }
        } else if start {
            self.start(&root);
        } else if earliest {
            self.due.notify_all();
        }
    }

    fn disarm(&self, at: Instant, key: u64) {
        // Dropped after the lock is free.
        let _node = self.state.lock().waiting.remove(&(at, key));
    }
}

impl Ringer for Timers {
    fn ring_later(&self, bells: Vec<Arc<Bell>>) {
        let Some(root) = self.root.upgrade() else { return };
        let occupied = self.state.lock().occupied;
        let bells = if occupied { ring_for(PATIENCE, bells) } else { bells };
        let mut state = self.state.lock();
        // Where nobody would ring, waiters look by themselves.
        if state.closed || !(state.running || root.is_registry()) {
            return drop(state);
        }
        state.doubts.extend(bells);
        drop(state);
        if root.is_registry() {
            root.clock_changed();
        } else {
            self.due.notify_all();
        }
    }
}

impl Timers {
    pub(crate) fn take_doubts(&self) -> Vec<Arc<Bell>> {
        std::mem::take(&mut self.state.lock().doubts)
    }

    /// True if somebody rings what is in doubt, as long as the root is open.
    #[cfg(feature = "parking_lot")]
    pub(crate) fn rings(&self) -> bool {
        self.state.lock().running || self.root.upgrade().is_some_and(|root| root.is_registry())
    }

    /// Sees to that, unless the system refuses the thread.
    #[cfg(feature = "parking_lot")]
    pub(crate) fn attend(&self) {
        if let Some(root) = self.root.upgrade().filter(|_| !self.rings()) {
            self.start(&root);
        }
    }

    /// The earliest deadline; what is due is taken out first.
    pub(crate) fn take_due(&self, now: Instant) -> (Vec<Weak<Node>>, Option<Instant>) {
        let mut state = self.state.lock();
        let later = state.waiting.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut state.waiting, later);
        let next = state.waiting.keys().next().map(|(at, _)| *at);
        (due.into_values().collect(), next)
    }

    /// Starts the one lazy thread. The lock is held meanwhile: `close` comes before it, or after it.
    fn start(&self, root: &Arc<Root>) {
        let Some(core) = root.scope.get().and_then(Weak::upgrade) else { return };
        let record =
            internal(&core, "homebound-timer", "ends contexts at their deadline, wakes waiters at condvars");
        let (timers, own) = (Arc::clone(&root.timers), Arc::clone(&record));
        let place = Arc::clone(core.place());
        let job = Box::new(move |seat: &Arc<Seat>| {
            own.start();
            seat.set_title(&own.label.purpose, &place);
            timers.work(&own);
            seat.set_over();
            own.end(Outcome::Finished);
        });
        let mut state = self.state.lock();
        let launched = if state.running || state.closed {
            Ok(false)
        } else {
            root.cache.launch(&"homebound-timer".into(), Make::default(), job).map(|()| true)
        };
        state.running |= matches!(launched, Ok(true));
        drop(state);
        if matches!(launched, Ok(true)) {
            return;
        }
        core.lock().internal.retain(|other| other.id != record.id);
        if let Err(refusal) = launched {
            // The next who needs it tries again; waits bring their own time-out and do not need it.
            told(|| {
                tracing::error!(
                    target: "homebound::stop",
                    error = %refusal,
                    "no thread for the timer: a deadline will not reach stop_signal(), on_stop() and the threads of scopes in it, \
                     and who waits at a condvar looks for the stop ten times a second"
                );
            });
        }
    }

    fn work(&self, own: &Arc<Record>) {
        let mut rounds = Rounds::default();
        loop {
            let (due, next) = self.take_due(Instant::now());
            if !due.is_empty() {
                self.state.lock().occupied = true;
                due.iter().filter_map(Weak::upgrade).for_each(|node| node.expire());
                self.state.lock().occupied = false;
                continue;
            }
            rounds.add(self.take_doubts());
            let ringing = rounds.go(next);
            let mut state = self.state.lock();
            if state.closed {
                // Whoever could still be in doubt is no thread of this root, and looks by itself.
                return;
            }
            // Pairs with `arm`: what came in since `take_due` is earlier than `next`, or it is `next`. And with
            // `ring_later`: what came in since `take_doubts` is there.
            let news = state.waiting.keys().next().map(|(at, _)| *at) != next || !state.doubts.is_empty();
            if news || ringing {
                continue;
            }
            let _waits = Mark::of("a deadline", own.label.at, Of::Nobody, [Some(Arc::clone(own)), None]);
            match next {
                None => self.due.wait(&mut state),
                Some(at) => drop(self.due.wait_until(&mut state, at)),
            }
        }
    }

    fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let doubts = std::mem::take(&mut state.doubts);
        drop(state);
        drop(doubts);
        self.due.notify_all();
    }
}

/// A record for a thread of homebound's own, listed in the tree.
pub(crate) fn internal(core: &Arc<ScopeCore>, name: &'static str, purpose: &'static str) -> Arc<Record> {
    let label = Label { name: name.into(), purpose: purpose.into(), at: Location::caller() };
    let node = Node::new(crate::stop::Edge::Inside);
    let record = Arc::new(Record::new(label, Role::Internal, core, node));
    core.lock().internal.push(Arc::clone(&record));
    record
}
