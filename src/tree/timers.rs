//! Owns the time of a root: deadlines and shields that somebody waits for, and interrupts that are in doubt.
//! Refuses to know whose they are. A registry's *watch* and *stopper* see to them; a standalone root has one lazy thread for it.
//!
//! That thread is the *keeper*. When a limit has ended it marks, and then calls what is to be called for that: code of the program's,
//! which may take its time. Before it does so it resigns, and whoever needs a keeper meanwhile starts another. One thread calls at
//! a time, so there are two at most, and two only while one is held up and there is something to keep for the other.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::rt::awake;
use crate::rt::contain::log_contained;
use crate::rt::os_thread::{OsThread, ThreadOptions};
use crate::stop::condvar::interrupt::{Interrupt, Retrier};
use crate::stop::condvar::retry::{Rounds, retry_for};
use crate::stop::limit::Timer;
use crate::stop::node::Node;
use crate::stop::wakeups::Calls;
use crate::sync::{AtomicBool, Condvar, Mutex};
use crate::tree::record::{Of, Record};
use crate::tree::result_state::{self, Outcome};
use crate::tree::root::{Root, internal, retire};
use crate::tree::wait_mark::WaitMark;

/// How long one who stops rings by himself what is in doubt, while the thread that would do it runs a callback. A waiter that
/// is between its look and its wait needs a moment on a processor.
const PATIENCE: Duration = Duration::from_millis(100);

/// Deadlines that somebody waits for without a time-out of his own.
/// And interrupts that are rung by the thread that keeps the time: *watch*, or the lazy one of a standalone root.
pub(crate) struct Timers {
    root: Weak<Root>,
    state: Mutex<TimerState>,
    due: Condvar,
    /// For *watch*, which does not take the lock for nothing: something was armed, or the due ones were taken out.
    news: AtomicBool,
    /// The same: some interrupt is in doubt.
    doubtful: AtomicBool,
}

#[derive(Default)]
struct TimerState {
    waiting: BTreeMap<(Instant, u64), Weak<Node>>,
    /// To be rung by whoever keeps the time.
    unconfirmed: Vec<Arc<Interrupt>>,
    /// A standalone root has a keeper.
    running: bool,
    /// The system is asked for it, with the lock free.
    starting: bool,
    /// A former keeper is in the program's code, which may wait for whoever is to be rung.
    calling: bool,
    /// What it is to call next.
    calls: Calls,
    closed: bool,
}

impl TimerState {
    fn lacks_a_thread(&self) -> bool {
        !(self.running || self.starting || self.closed)
    }
}

impl Timer for Timers {
    fn arm(&self, at: Instant, key: u64, node: Weak<Node>) -> Calls {
        let mut state = self.state.lock();
        let earliest = state.waiting.keys().next().is_none_or(|(first, _)| at < *first);
        state.waiting.insert((at, key), node);
        let start = state.lacks_a_thread();
        drop(state);
        let Some(root) = self.root.upgrade() else { return Calls::default() };
        if root.is_registry() {
            if earliest {
                self.news.store(true, Ordering::Release);
                root.timers_changed();
            }
        } else if start {
            return self.start(&root);
        } else if earliest {
            self.due.notify_all();
        }
        Calls::default()
    }

    fn disarm(&self, at: Instant, key: u64) {
        // Dropped after the lock is free.
        let _node = self.state.lock().waiting.remove(&(at, key));
    }
}

impl Retrier for Timers {
    fn retry_later(&self, interrupts: Vec<Arc<Interrupt>>) -> Calls {
        let mut calls = Calls::default();
        let Some(root) = self.root.upgrade() else { return calls };
        let resigned = |state: &TimerState| state.calling && state.lacks_a_thread();
        if resigned(&self.state.lock()) {
            calls = self.start(&root);
        }
        // The system may have refused it.
        let alone = resigned(&self.state.lock());
        let interrupts = if alone { retry_for(PATIENCE, interrupts) } else { interrupts };
        let mut state = self.state.lock();
        // Where nobody would ring, waiters look by themselves.
        if state.closed || !(state.running || state.starting || state.calling || root.is_registry()) {
            return calls;
        }
        state.unconfirmed.extend(interrupts);
        drop(state);
        self.doubtful.store(true, Ordering::Release);
        if root.is_registry() {
            root.timers_changed();
        } else {
            self.due.notify_all();
        }
        calls
    }
}

impl Timers {
    pub(crate) fn new(root: Weak<Root>) -> Timers {
        let [news, doubtful] = [false; 2].map(AtomicBool::new);
        Timers { root, state: Mutex::default(), due: Condvar::new(), news, doubtful }
    }

    pub(crate) fn take_doubts(&self) -> Vec<Arc<Interrupt>> {
        std::mem::take(&mut self.state.lock().unconfirmed)
    }

    /// For *watch*: true if there may be some. Pairs with `retry_later`.
    pub(crate) fn has_doubts(&self) -> bool {
        self.doubtful.swap(false, Ordering::AcqRel)
    }

    /// For *watch*: true if the earliest deadline may be another than it was. Pairs with `arm` and `take_due_for_registry`.
    pub(crate) fn has_news(&self) -> bool {
        self.news.swap(false, Ordering::AcqRel)
    }

    /// The earliest deadline.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.state.lock().waiting.keys().next().map(|(at, _)| *at)
    }

    /// For *stopper*: *watch* looks for the next one.
    pub(crate) fn take_due_for_registry(&self, now: Instant) -> Vec<Arc<Node>> {
        let (due, _next) = self.take_due(now);
        self.news.store(true, Ordering::Release);
        if let Some(root) = self.root.upgrade() {
            root.timers_changed();
        }
        due.iter().filter_map(Weak::upgrade).collect()
    }

    /// True if somebody rings what is in doubt, as long as the root is open.
    #[cfg(feature = "parking_lot")]
    pub(crate) fn rings(&self) -> bool {
        self.state.lock().running || self.root.upgrade().is_some_and(|root| root.is_registry())
    }

    /// Sees to that, unless the system refuses the thread. If another thread is starting the keeper, this waits until it is known
    /// whether the system has refused it: the answer of `rings` holds for a whole wait, and a waiter which takes a keeper
    /// that is being started for one that is missing would look for the stop ten times a second.
    #[cfg(feature = "parking_lot")]
    pub(crate) fn attend(&self) {
        if let Some(root) = self.root.upgrade().filter(|_| !self.rings()) {
            self.start(&root).run();
            let mut state = self.state.lock();
            // Pairs with the end of `start`.
            while state.starting {
                self.due.wait(&mut state);
            }
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

    /// Starts the one lazy thread. `close` comes before that, or waits until it has been done. A
    /// refusal is returned, to be logged by the caller: *watch* itself may be here, for a root that
    /// hangs below the registry's.
    fn start(&self, root: &Arc<Root>) -> Calls {
        let Some(core) = root.scope.get().and_then(Weak::upgrade) else { return Calls::default() };
        let mut state = self.state.lock();
        if !state.lacks_a_thread() {
            return Calls::default();
        }
        state.starting = true;
        drop(state);
        let record =
            internal(&core, "homebound-timer", "ends contexts at their deadline, wakes waiters at condvars");
        let (timers, own) = (Arc::clone(&root.timers), Arc::clone(&record));
        let place = Arc::clone(core.place());
        let job = Box::new(move |os_thread: &Arc<OsThread>| {
            own.start();
            os_thread.set_title(&own.label.purpose, &place);
            timers.keep_time(&own);
            os_thread.set_over();
            result_state::end(&own, Outcome::Finished);
            // There may be one for each deadline.
            retire(&own);
        });
        let launched = root.cache.launch(&"homebound-timer".into(), ThreadOptions::default(), job);
        let mut state = self.state.lock();
        (state.starting, state.running) = (false, launched.is_ok());
        drop(state);
        // Pairs with `close` and `attend`.
        self.due.notify_all();
        let Err(refusal) = launched else { return Calls::default() };
        retire(&record);
        // The next who needs it tries again; waits bring their own time-out and do not need it.
        Calls::log(move || {
            log_contained(|| {
                tracing::error!(
                    target: "homebound::stop",
                    error = %refusal,
                    "no thread for the timer: a deadline will not reach stop_signal(), on_stop() and the threads of scopes in it, \
                     and who waits at a condvar looks for the stop ten times a second"
                );
            });
        })
    }

    fn keep_time(&self, own: &Arc<Record>) {
        let mut rounds = Rounds::default();
        loop {
            let (due, next) = self.take_due(awake::now());
            if !due.is_empty() {
                let mut calls = Calls::default();
                due.iter().filter_map(Weak::upgrade).for_each(|node| calls.add(node.mark_expired()));
                if calls.is_empty() || self.call(calls) {
                    continue;
                }
                return;
            }
            rounds.add(self.take_doubts());
            let ringing = rounds.go(next.map(awake::system));
            let mut state = self.state.lock();
            if state.closed {
                // Whoever could still be in doubt is no thread of this root, and looks by itself.
                return;
            }
            // Pairs with `arm`: what came in since `take_due` is earlier than `next`, or it is `next`. And with
            // `retry_later`: what came in since `take_doubts` is there.
            let news =
                state.waiting.keys().next().map(|(at, _)| *at) != next || !state.unconfirmed.is_empty();
            if news || ringing {
                continue;
            }
            let _waits = WaitMark::of("a deadline", own.label.at, Of::Nobody, [Some(Arc::clone(own)), None]);
            match next {
                None => self.due.wait(&mut state),
                Some(at) => drop(self.due.wait_until(&mut state, awake::system(at))),
            }
        }
    }

    /// For the keeper: has all called that there is. False if another is the keeper then.
    fn call(&self, calls: Calls) -> bool {
        let mut state = self.state.lock();
        state.calls.add(calls);
        if state.calling {
            return true;
        }
        (state.calling, state.running) = (true, false);
        let needed = !(state.waiting.is_empty() && state.unconfirmed.is_empty());
        drop(state);
        if let Some(root) = self.root.upgrade().filter(|_| needed) {
            let refusal = self.start(&root);
            self.state.lock().calls.add(refusal);
        }
        loop {
            let mut state = self.state.lock();
            let calls = std::mem::take(&mut state.calls);
            if calls.is_empty() {
                state.calling = false;
                let free = !(state.running || state.starting);
                state.running |= free;
                return free;
            }
            drop(state);
            calls.run();
        }
    }

    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        // Pairs with `start`: what that has asked for is joined with the others.
        while state.starting {
            self.due.wait(&mut state);
        }
        let unconfirmed = std::mem::take(&mut state.unconfirmed);
        drop(state);
        drop(unconfirmed);
        self.due.notify_all();
    }
}
