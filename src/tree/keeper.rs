//! Owns the keeping of a root's time: the end of deadlines and shields is marked, and interrupts
//! that are in doubt are delivered.
//! Refuses to know whose they are.
//!
//! In a registry, *watch* and *stopper* keep the time. A standalone root has one thread for it, the
//! *keeper*, which is started when it is first needed:
//!
//! ```text
//! none --(start)--> starting --(launched)--> running --(call: limits have ended)--> calling
//!  ^                   |                        ^                                      |
//!  +----(refused)------+                        +---(no other keeper was started)------+
//! ```
//!
//! When a limit has ended, the keeper marks it, and then runs the calls of that stop: code of the
//! program's, which may take its time. Before it does so it resigns, so that another keeper can be
//! started if one is needed meanwhile. One thread calls at a time. So there are at most two
//! keepers, and two only while one is inside the program's code and there is something to keep for
//! the other.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::rt::awake;
use crate::rt::contain::log_contained;
use crate::stop::calls::Calls;
use crate::stop::condvar::delivery::{Rounds, retry_for};
use crate::stop::condvar::interrupt::{Interrupt, Retrier};
use crate::stop::limit::Timer;
use crate::stop::node::Node;
use crate::tree::internal::{internal, launch, retire};
use crate::tree::record::Record;
use crate::tree::root::Root;
use crate::tree::timers::TimerState;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;

/// How long the stopping thread itself retries unconfirmed interrupts while the keeper, which
/// normally does this, is in the program's code and no other could be started. A waiter that is
/// between its check and its sleep needs a moment on a processor.
const PATIENCE: Duration = Duration::from_millis(100);

impl Timer for Root {
    fn arm(&self, at: Instant, key: u64, node: Weak<Node>) -> Calls {
        let mut state = self.timers.state.lock();
        let earliest = state.first().is_none_or(|first| at < first);
        match state.place(at, key) {
            Ok(place) => state.waiting[place].2 = node,
            Err(place) => state.waiting.insert(place, (at, key, node)),
        }
        let start = state.lacks_a_thread();
        drop(state);
        if self.is_registry() {
            // Wake the thread that keeps the time only if it would sleep beyond `at`.
            if earliest {
                // The flag first: *watch* reads it after it is woken. Pairs with `has_news`.
                self.timers.news.store(true, Ordering::Release);
                self.timers_changed();
            }
        } else if start {
            return self.start_keeper();
        } else if earliest {
            // Pairs with the wait in `keep_time`.
            self.timers.due.notify_all();
        }
        Calls::default()
    }

    fn disarm(&self, at: Instant, key: u64) {
        let mut state = self.timers.state.lock();
        let node = state.place(at, key).ok().map(|place| state.waiting.remove(place));
        drop(state);
        // It may be the last reference to the memory of the node.
        drop(node);
    }
}

impl Retrier for Root {
    fn retry_later(&self, interrupts: Vec<Arc<Interrupt>>) -> Calls {
        let mut calls = Calls::default();
        // A keeper that is in the program's code delivers nothing, so start another.
        let resigned = |state: &TimerState| state.calling && state.lacks_a_thread();
        if resigned(&self.timers.state.lock()) {
            calls = self.start_keeper();
        }
        // The OS may have refused it. Then the calling thread retries for a while.
        let alone = resigned(&self.timers.state.lock());
        let interrupts = if alone { retry_for(PATIENCE, interrupts) } else { interrupts };
        let mut state = self.timers.state.lock();
        // Where no thread would deliver them, waiters look for the stop by themselves: see
        // `delivers_interrupts`.
        if state.closed || !(state.running || state.starting || state.calling || self.is_registry()) {
            return calls;
        }
        state.unconfirmed.extend(interrupts);
        drop(state);
        // After the push: a thread that reads the flag finds the interrupts. Pairs with
        // `has_doubts`.
        self.timers.doubtful.store(true, Ordering::Release);
        if self.is_registry() {
            self.timers_changed();
        } else {
            // Pairs with the wait in `keep_time`.
            self.timers.due.notify_all();
        }
        calls
    }
}

impl Root {
    /// For *stopper*: takes out the nodes that are due. *watch* then looks for the next deadline.
    pub(crate) fn take_due(&self, now: Instant) -> Vec<Arc<Node>> {
        let (due, _next) = self.timers.take_due(now);
        self.timers.news.store(true, Ordering::Release);
        self.timers_changed();
        due.iter().filter_map(Weak::upgrade).collect()
    }

    /// True if a thread delivers the interrupts that are in doubt, as long as the root is open.
    #[cfg(feature = "parking_lot")]
    pub(crate) fn delivers_interrupts(&self) -> bool {
        self.timers.state.lock().running || self.is_registry()
    }

    /// Starts a keeper if there is none. If another thread is starting one, this blocks until the
    /// outcome is known, because the answer of `delivers_interrupts` holds for a whole wait: a
    /// waiter that took a starting keeper for a missing one would look for the stop ten times a
    /// second.
    #[cfg(feature = "parking_lot")]
    pub(crate) fn ensure_keeper(&self) {
        if !self.delivers_interrupts() {
            self.start_keeper().run();
            let mut state = self.timers.state.lock();
            // Pairs with the end of `start_keeper`.
            while state.starting {
                self.timers.due.wait(&mut state);
            }
        }
    }

    /// Starts the keeper. `close_keeper` comes before that, or waits until the outcome is known.
    /// Returns a refusal, for the caller to log: *watch* may be here, and runs no code of the
    /// program's.
    fn start_keeper(&self) -> Calls {
        let Some(core) = self.core() else { return Calls::default() };
        let mut state = self.timers.state.lock();
        if !state.lacks_a_thread() {
            return Calls::default();
        }
        // None to starting. The lock is free while the OS is asked, so that `arm` need not wait.
        state.starting = true;
        drop(state);
        let record =
            internal(&core, "homebound-timer", "ends contexts at their deadline, wakes waiters at condvars");
        let launched = launch(&record, |own| own.core.root.keep_time(own));
        // Starting to running, or to none if the OS refused.
        let mut state = self.timers.state.lock();
        (state.starting, state.running) = (false, launched.is_ok());
        drop(state);
        // Pairs with `close_keeper` and `ensure_keeper`, which wait until the outcome is known.
        self.timers.due.notify_all();
        let Err(refusal) = launched else { return Calls::default() };
        retire(&record);
        // The next thread that needs a keeper tries again. Waits have a time-out of their own and
        // need none.
        Calls::log(move || {
            log_contained(|| {
                tracing::error!(
                    target: "homebound::stop",
                    error = %refusal,
                    "no thread for the timer: a deadline will not reach stop_signal(), on_stop() and the threads of scopes in it, \
                     and a waiter at a condvar looks for the stop ten times a second"
                );
            });
        })
    }

    /// Runs on the keeper until the root is closed, or another thread is the keeper.
    fn keep_time(&self, own: &Arc<Record>) {
        let mut rounds = Rounds::default();
        loop {
            let (due, next) = self.timers.take_due(awake::now());
            if !due.is_empty() {
                // Mark all before the first call, because a call may take its time.
                let mut calls = Calls::default();
                due.iter().filter_map(Weak::upgrade).for_each(|node| calls.add(node.mark_expired()));
                if calls.is_empty() || self.call(calls) {
                    continue;
                }
                // Another keeper was started meanwhile.
                return;
            }
            // The lock is free here, because this may wait for a mutex of the program's for a slice
            // of time.
            rounds.add(self.timers.take_doubts());
            let more_rounds = rounds.go(next.map(awake::system));
            let mut state = self.timers.state.lock();
            if state.closed {
                // A waiter in doubt is no thread of this root, and looks for the stop itself.
                return;
            }
            // Pairs with `arm`: a deadline that came in since `take_due` is earlier than `next`, or
            // is `next`. Pairs with `retry_later`: an interrupt that came in since `take_doubts` is
            // in the list.
            let news = state.first() != next || !state.unconfirmed.is_empty();
            if news || more_rounds {
                continue;
            }
            let _waits = WaitMark::of("a deadline", own.label.at, Of::Nobody, Some(Arc::clone(own)));
            // Pairs with `arm`, `retry_later` and `close_keeper`, which change the state and then
            // notify.
            match next {
                None => self.timers.due.wait(&mut state),
                Some(at) => drop(self.timers.due.wait_until(&mut state, awake::system(at))),
            }
        }
    }

    /// Called by the keeper: runs `calls`, and all that others add meanwhile. False if another
    /// thread is the keeper afterwards.
    fn call(&self, calls: Calls) -> bool {
        let mut state = self.timers.state.lock();
        state.calls.add(calls);
        // A former keeper is calling, and takes these next: one thread calls at a time.
        if state.calling {
            return true;
        }
        // Running to calling: resign, so that another keeper can be started.
        (state.calling, state.running) = (true, false);
        let needed = !(state.waiting.is_empty() && state.unconfirmed.is_empty());
        drop(state);
        if needed {
            let refusal = self.start_keeper();
            self.timers.state.lock().calls.add(refusal);
        }
        loop {
            let mut state = self.timers.state.lock();
            let calls = std::mem::take(&mut state.calls);
            if calls.is_empty() {
                // Calling to running, if no other keeper was started; the check and the change are
                // one step.
                state.calling = false;
                let free = !(state.running || state.starting);
                state.running |= free;
                return free;
            }
            drop(state);
            calls.run();
        }
    }

    /// Ends the keeper: it returns when it sees `closed`, and its OS thread is joined later.
    pub(super) fn close_keeper(&self) {
        let mut state = self.timers.state.lock();
        state.closed = true;
        // Pairs with the end of `start_keeper`: a keeper that is being started will be joined.
        while state.starting {
            self.timers.due.wait(&mut state);
        }
        let unconfirmed = std::mem::take(&mut state.unconfirmed);
        drop(state);
        // Without the lock, because an interrupt refers to a mutex of the program's (E7).
        drop(unconfirmed);
        // Pairs with the wait in `keep_time`.
        self.timers.due.notify_all();
    }
}
