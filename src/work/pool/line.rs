//! Owns the queue of a pool, and the decisions about it, made under one lock: whether a job gets a
//! place, whether a thread is woken or started for it, which thread gets it, and what ends.
//! Refuses to know what a job is, to run one, and to start a thread.
//!
//! ```text
//! a job     queued --next--> running --next, over--> counted
//!           queued --remove--> running       stopped, expired, or run in place by a joiner
//!           running --hand_back--> gone      refused, or not needed any more
//!           queued --(the pool is told)--> dropped
//! a thread  starting = idle --next--> busy --next--> idle          (idle: it has no job)
//!           idle: glances, looks for a moment --> sleeps --token--> looks again
//!           idle --(too many, or the pool ends)--> gone
//! a pool    open --close--> closed       no job comes, the queue is worked off
//!           open, closed --(told)--> draining, if it was built so       the same
//!           open, closed, draining --(told, overdue)--> ended       the queue is dropped
//! ```
//!
//! # Invariants
//!
//! All numbers are read and written under the lock, so these hold whenever it is free:
//!
//! 1. `queued <= idle`, or all threads that are wanted are there. So no job waits for a busy thread
//!    while a thread could be started. Only `push` and `resize` can break it, and their callers
//!    start the threads.
//! 2. `queued <= idle - sleeping`, or no thread sleeps. So for each queued job an idle thread is
//!    awake, or every thread is busy. `settle` restores it: it takes threads off `sleeping`, and
//!    gives as many tokens when the lock is free.
//! 3. `queued < places + idle + startable`, where a place is free.
//! 4. The gate is busy if and only if a job is queued or runs.
//! 5. While the intake is open, all threads that are wanted are there, none sleeps, no caller waits
//!    for a place, and a job is queued or runs. So a job that comes by the intake needs no thread,
//!    no token and no gate. Its room is no more than the places that are free. A thread sleeps,
//!    the gate is left, and a caller waits for a place, only in a hold in which the intake was
//!    found empty or was emptied, and was closed: `lock` and `lock_all`.
//!
//! **No wake-up is lost.** A thread counts itself as sleeping in the same hold of the lock in which
//! it finds the queue empty. So a later `push` finds the sleeper, and gives a token, which stays
//! until a sleeper takes it (`rt::tokens`). The same holds for callers that wait for a place or for
//! an idle pool: they register in the hold in which they find that they must wait, and are woken by
//! the drop of the value that they have registered.

use std::mem::take;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use crossbeam_utils::CachePadded;

use super::intake::Intake;
use super::parts::{Ending, Next, Pushed, Queued, Refusal, Told, Woken, lock_soon};
use super::state::State;
use crate::PoolStatus;
use crate::rt::spin::{A_WAKE_UP, glance, spin_until};
use crate::sync::{AtomicBool, TryMutex, TryMutexGuard};
use crate::sys;
use crate::tree::core::ScopeCore;
use crate::tree::pool_facts::PoolFacts;
use crate::tree::wait_mark::WaitMark;

mod ended;

/// `J` is a job. `W` wakes a waiting caller when it is dropped.
pub(crate) struct Line<J, W> {
    state: CachePadded<TryMutex<State<J, W>>>,
    intake: CachePadded<Intake<J>>,
    facts: Arc<PoolFacts>,
    /// The scope around the pool: its drivers wait for the last job. None in a model.
    around: Weak<ScopeCore>,
    /// True if queued jobs are run when the pool is told to stop. Never changes.
    drains: bool,
}

impl<J, W> Line<J, W> {
    /// `cores` is the number of processors. As many threads may look for a job at the same time.
    pub(crate) fn new(
        places: usize,
        threads: usize,
        drains: bool,
        cores: usize,
        facts: Arc<PoolFacts>,
        around: Weak<ScopeCore>,
    ) -> Line<J, W> {
        let state = State::new(places, threads, cores.max(1));
        facts.publish(&state.status());
        // On cache lines of their own, because submitters write the one and threads of the pool the
        // other.
        let (state, intake) = (TryMutex::new(state).into(), Intake::new().into());
        Line { state, intake, facts, around, drains }
    }

    /// Takes the lock. The jobs of the intake come into the queue if that is empty. So the holder
    /// finds an empty queue only if no job waits and none comes without this lock.
    #[inline]
    fn lock(&self) -> TryMutexGuard<'_, State<J, W>> {
        let mut state = lock_soon(&self.state);
        if state.has_no_job() {
            state.take_in(&self.intake, &self.facts, true);
        }
        state
    }

    /// Takes the lock for a decision about all jobs or threads. Closes the intake.
    fn lock_all(&self) -> TryMutexGuard<'_, State<J, W>> {
        let mut state = lock_soon(&self.state);
        state.take_in(&self.intake, &self.facts, false);
        state
    }

    /// Restores the invariants, frees the lock, and wakes. Every function that changes the state
    /// ends with it.
    #[inline]
    fn settle(&self, state: TryMutexGuard<'_, State<J, W>>, now: u64) {
        self.settle_with(state, now, false, None);
    }

    /// As `settle`, after a change that is rare enough to publish all numbers.
    fn settle_all(&self, state: TryMutexGuard<'_, State<J, W>>) {
        self.settle_with(state, sys::coarse(), true, None);
    }

    /// As `settle`. `all`: publishes all numbers. `over` is set as the last of it.
    #[inline]
    fn settle_with(
        &self,
        mut state: TryMutexGuard<'_, State<J, W>>,
        now: u64,
        all: bool,
        over: Option<&AtomicBool>,
    ) {
        self.facts.begin_change();
        let wakes = state.settle(&self.intake, &self.facts, now);
        if all {
            self.facts.publish(&state.status());
        }
        self.facts.end_change();
        // After the numbers, so that a caller that sees the end finds the job counted as ended, in
        // a view as well, which takes no lock.
        over.into_iter().for_each(|over| over.store(true, Ordering::SeqCst));
        drop(state);
        wakes.run(&self.facts, &self.around);
    }

    /// Gives a job a place. `woken`: the caller has waited for it. `now` is read from the coarse
    /// clock.
    #[inline]
    pub(crate) fn push(&self, mut job: J, woken: bool, now: u64) -> Result<Pushed, (J, Refusal)> {
        if !woken {
            // The way of a busy pool: its own lock, no decision, no wake-up (invariant 5). A woken
            // caller takes the other way, because the line counts it as coming.
            job = match self.intake.push(job, now, &self.facts) {
                Ok(number) => return Ok(Pushed { number, start: None }),
                Err(job) => job,
            };
        }
        let mut state = self.lock_all();
        if woken {
            state.callers.came();
        }
        let pushed = state.push(job, &self.facts, now);
        match &pushed {
            // A token for the sleeper that this job needs. Pairs with `wait_for_work`.
            Ok(Pushed { start: None, .. }) => self.settle(state, now),
            Ok(_) => self.settle_all(state),
            Err(_) => {}
        }
        pushed
    }

    /// Called by a thread of the pool: what it does next. `ended` is how the job ended that it has
    /// run; `None` if it is idle already. Blocks while there is nothing to do; `mark` shows that.
    #[inline]
    pub(crate) fn next(
        &self,
        seat: usize,
        mut ended: Option<Ending>,
        told: impl Fn() -> Told,
        mark: impl Fn() -> WaitMark,
    ) -> Next<J> {
        let mut woken = Woken::Not;
        loop {
            // Before the lock, because it takes other locks.
            let told = told();
            // A stop is about all jobs and threads, so the intake is closed first.
            let mut state = if told == Told::No { self.lock() } else { self.lock_all() };
            let ending = ended.take();
            ending.into_iter().for_each(|ending| state.finish(ending, false));
            // The first look after a sleep: the thread is off the sleepers, if `settle` did not
            // take it off with a token.
            state.wake_up(take(&mut woken));
            state.hear(told, self.drains);
            if let Some(next) = state.take_next(seat) {
                let usual = matches!(next, Next::Run(_)) && matches!(ending, None | Some(Ending::Done));
                if usual {
                    self.settle(state, 0)
                } else {
                    self.settle_all(state)
                }
                return next;
            }
            let all = ending.is_some_and(|ending| ending != Ending::Done);
            if let Some(by) = self.wait_for_work(state, all, &mark) {
                woken = by;
            }
        }
    }

    /// An idle thread looks for a moment, and then sleeps. `None` if it has seen something. `all`:
    /// publishes all numbers first.
    fn wait_for_work<'a>(
        &'a self,
        mut state: TryMutexGuard<'a, State<J, W>>,
        all: bool,
        mark: impl Fn() -> WaitMark,
    ) -> Option<Woken> {
        // Pairs with `push`: a job that comes while this thread looks needs no wake-up.
        let seen = || self.facts.queued() > 0 || self.facts.tokens.is_open();
        // Every thread glances, because jobs that come without pause would otherwise find threads
        // that have just gone to sleep.
        self.settle_with(state, 0, all, None);
        let mut found = glance(seen);
        state = self.lock();
        if !found && state.look() {
            self.settle(state, 0);
            found = spin_until(A_WAKE_UP, seen);
            state = self.lock();
            state.looked();
        }
        // Under the lock, after the poll: what `seen` read may have been taken by another thread,
        // and work may have come since.
        if found || state.has_work() {
            self.settle(state, 0);
            return None;
        }
        // Idle -> sleeping, in the hold of the lock in which there was no work. Pairs with
        // `State::settle`, which gives tokens to sleepers.
        state.fall_asleep();
        self.settle(state, 0);
        let _mark = mark();
        Some(if self.facts.tokens.take() { Woken::Token } else { Woken::Open })
    }

    /// Takes a job out of the queue. `None` if it has begun or ended.
    pub(crate) fn remove(&self, number: u64) -> Option<Queued<J>> {
        let mut state = self.lock_all();
        let job = state.remove(number)?;
        self.settle_all(state);
        Some(job)
    }

    /// Takes no more jobs. The threads work off the queue, and go.
    pub(crate) fn close(&self) {
        let mut state = self.lock_all();
        state.close();
        self.settle_all(state);
        // After the lock: a reader that sees it finds that no job comes any more. Pairs with
        // `put_away_pools`.
        self.facts.set_closed();
    }

    /// Sets the number of threads. Calls `start` for each thread that has to be started now.
    pub(crate) fn resize(&self, threads: usize, mut start: impl FnMut(usize)) {
        let mut state = self.lock_all();
        state.resize(threads);
        self.settle_all(state);
        loop {
            let mut state = self.lock_all();
            // One at a time, each in a hold of its own, because to start a thread runs code of the
            // OS and may fail.
            let Some(seat) = state.start_one(sys::coarse()) else { break };
            self.settle_all(state);
            start(seat);
        }
    }

    /// Enters a caller that waits for a place. `None` if it need not wait. `first`: it was woken
    /// before, and found the place taken.
    pub(crate) fn wait(&self, waker: W, first: bool) -> Option<u64> {
        let mut state = self.lock_all();
        if !state.must_wait(sys::coarse()) {
            // Free the lock before the waker is dropped.
            drop(state);
            return None;
        }
        let key = state.callers.wait(waker, first);
        self.settle_all(state);
        Some(key)
    }

    /// Enters a caller that waits until no job is queued and none runs. `None` if that is so.
    pub(crate) fn watch(&self, waker: W) -> Option<u64> {
        let mut state = self.lock();
        // Looked at and entered in one hold. Pairs with `State::wake_callers`, which takes the
        // watchers when the last job is counted.
        let key = if state.is_idle() { None } else { Some(state.callers.watch(waker)) };
        self.settle(state, 0);
        key
    }

    /// A caller waits no more. If it was woken for a place that it does not take, the next caller
    /// is woken.
    pub(crate) fn forget(&self, key: u64) {
        let mut state = self.lock();
        // A key that is in no list was woken already: `forget` counts the caller as come, and the
        // `settle` that follows wakes the next one for the place.
        let waker = state.callers.forget(key);
        self.settle_all(state);
        drop(waker);
    }

    pub(crate) fn facts(&self) -> &PoolFacts {
        &self.facts
    }

    /// The number of threads that the pool may have.
    pub(crate) fn wanted(&self) -> usize {
        self.lock().wanted()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.lock().is_idle()
    }

    pub(crate) fn status(&self) -> PoolStatus {
        self.lock_all().status()
    }
}
