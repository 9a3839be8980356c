//! Owns the numbers of a pool and every decision that follows from them: the invariants of `line`
//! are kept here.
//! Refuses to lock, to wake and to read a clock: `line` does.

use std::collections::VecDeque;
use std::mem::take;

use super::callers::Callers;
use super::intake::Intake;
use super::parts::{Callees, Ends, Next, Phase, Pushed, Queued, Refusal, Told, Wakes, Woken};
use crate::PoolStatus;
use crate::rt::time::coarse_since;
use crate::tree::pool_facts::PoolFacts;

mod ended;
mod full_load;

/// Time for which no further thread is asked for after the OS has refused one, by the coarse clock,
/// in nanoseconds: a refusal takes longer than most jobs.
const AFTER_A_REFUSAL: u64 = 1_000_000_000;

/// All of it is guarded by the lock of the line.
pub(super) struct State<J, W> {
    phase: Phase,
    queue: VecDeque<Queued<J>>,
    /// The number of the last job that came.
    last: u64,
    places: usize,
    /// Number of threads that the pool may have.
    wanted: usize,
    /// The numbers of the threads that it has, starting ones included; `true` is taken.
    seats: Vec<bool>,
    threads: usize,
    /// Threads that have no job, starting and sleeping ones included.
    idle: usize,
    /// Idle threads that sleep, or are about to, and were not given a token.
    sleeping: usize,
    /// Idle threads that look for a job before they sleep.
    looking: usize,
    /// As many may look at the same time. Never changes.
    lookers: usize,
    /// Jobs that were taken out of the queue and are not counted.
    running: usize,
    /// Jobs that are counted, and whose end is being told to callbacks.
    telling: usize,
    /// When the OS refused a thread, by the coarse clock; 0 if it did not.
    refused: u64,
    /// Callers that wait.
    pub(super) callers: Callers<W>,
    /// True from the first job until none is left: then the gate of the pool is busy.
    busy: bool,
    /// True if the intake may be open, or have jobs (invariant 5).
    intake: bool,
    ends: Ends,
}

impl<J, W> State<J, W> {
    pub(super) fn new(places: usize, wanted: usize, lookers: usize) -> State<J, W> {
        State {
            phase: Phase::Open,
            queue: VecDeque::new(),
            last: 0,
            places,
            wanted: wanted.max(1),
            seats: Vec::new(),
            threads: 0,
            idle: 0,
            sleeping: 0,
            looking: 0,
            lookers,
            running: 0,
            telling: 0,
            refused: 0,
            callers: Callers::new(),
            busy: false,
            intake: false,
            ends: Ends::default(),
        }
    }

    /// Queues the job, if the pool is open and has a place.
    #[inline]
    pub(super) fn push(&mut self, job: J, facts: &PoolFacts, now: u64) -> Result<Pushed, (J, Refusal)> {
        let refusal = match self.phase {
            Phase::Open if self.is_full(now) => Some(Refusal::Full),
            // The gate is entered under the lock of the line, so it is left only after the job that
            // entered it.
            Phase::Open if !self.busy && !facts.enter() => Some(Refusal::UsersDone),
            Phase::Open => None,
            Phase::Closed => Some(Refusal::Closed),
            Phase::Draining | Phase::Ended => Some(Refusal::Told),
        };
        if let Some(refusal) = refusal {
            return Err((job, refusal));
        }
        self.busy = true;
        self.last += 1;
        // -> queued.
        self.queue.push_back(Queued { number: self.last, since: now, job });
        Ok(Pushed { number: self.last, start: self.start_one(now) })
    }

    /// True if no job may come (invariant 3).
    #[inline]
    pub(super) fn is_full(&self, now: u64) -> bool {
        self.has_no_place(self.queue.len(), now)
    }

    #[inline]
    fn has_no_place(&self, taken: usize, now: u64) -> bool {
        // Most often the first comparison decides.
        taken >= self.places && taken >= self.places.saturating_add(self.idle + self.startable(now))
    }

    /// Number of threads that may be started.
    fn startable(&self, now: u64) -> usize {
        let refused = self.refused > 0 && now.saturating_sub(self.refused) < AFTER_A_REFUSAL;
        if refused && self.threads > 0 { 0 } else { self.wanted.saturating_sub(self.threads) }
    }

    /// Takes a seat for a thread, if one is needed and may be started (invariant 1). The caller
    /// starts it.
    #[inline]
    pub(super) fn start_one(&mut self, now: u64) -> Option<usize> {
        if self.queue.len() <= self.idle || self.startable(now) == 0 {
            return None;
        }
        // -> starting.
        self.threads += 1;
        self.idle += 1;
        let free = self.seats.iter().position(|taken| !taken);
        let seat = free.unwrap_or(self.seats.len());
        if free.is_none() {
            self.seats.push(true);
        }
        self.seats[seat] = true;
        Some(seat)
    }

    /// Idle -> gone.
    fn leave(&mut self, seat: usize) {
        self.idle -= 1;
        self.threads -= 1;
        if let Some(taken) = self.seats.get_mut(seat) {
            *taken = false;
        }
    }

    /// A thread that is awake again looks at the state.
    pub(super) fn wake_up(&mut self, by: Woken) {
        // A token was given by `settle`, which has taken the thread off.
        self.sleeping -= usize::from(by == Woken::Open && self.sleeping > 0);
    }

    /// A thread has been told to stop, and with it the pool.
    pub(super) fn hear(&mut self, told: Told, drains: bool) {
        let phase = match told {
            Told::No => return,
            Told::Stop if drains => Phase::Draining,
            // Open, closed, draining -> ended.
            Told::Stop | Told::Overdue => Phase::Ended,
        };
        self.phase = self.phase.max(phase);
    }

    /// The next step of an idle thread; `None` if there is nothing to do.
    #[inline]
    pub(super) fn take_next(&mut self, seat: usize) -> Option<Next<J>> {
        if self.phase == Phase::Ended && !self.queue.is_empty() {
            // Queued -> running, until the thread has dropped and counted each.
            let all = take(&mut self.queue);
            self.running += all.len();
            return Some(Next::Drop(all));
        }
        if self.threads > self.wanted {
            // Since `resize` there are too many threads. The threads that stay work off the queue.
            self.leave(seat);
            return Some(Next::Leave);
        }
        if let Some(job) = self.queue.pop_front() {
            // Queued -> running, idle -> busy.
            self.running += 1;
            self.idle -= 1;
            return Some(Next::Run(job));
        }
        if self.phase > Phase::Open {
            self.leave(seat);
            return Some(Next::Leave);
        }
        None
    }

    /// Takes a job out of the queue, for a caller that runs or ends it. `None` if it has begun.
    pub(super) fn remove(&mut self, number: u64) -> Option<Queued<J>> {
        // The queue is in the order of the numbers.
        let place = self.queue.binary_search_by_key(&number, |queued| queued.number).ok()?;
        let job = self.queue.remove(place)?;
        // Queued -> running.
        self.running += 1;
        Some(job)
    }

    /// No job comes any more.
    pub(super) fn close(&mut self) {
        // Open -> closed.
        self.phase = self.phase.max(Phase::Closed);
    }

    pub(super) fn resize(&mut self, wanted: usize) {
        self.wanted = wanted.max(1);
        self.refused = 0;
    }

    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.running == 0 && self.telling == 0
    }

    /// True if a caller has to wait for a place.
    pub(super) fn must_wait(&self, now: u64) -> bool {
        self.phase == Phase::Open && self.is_full(now)
    }

    /// True if an idle thread may look for a job for a moment.
    #[inline]
    pub(super) fn look(&mut self) -> bool {
        let looks = self.looking < self.lookers;
        self.looking += usize::from(looks);
        looks
    }

    pub(super) fn looked(&mut self) {
        self.looking -= 1;
    }

    /// True if an idle thread has something to do.
    pub(super) fn has_work(&self) -> bool {
        !self.queue.is_empty() || self.phase > Phase::Open || self.threads > self.wanted
    }

    /// Idle -> sleeping, in the hold in which there was nothing to do.
    pub(super) fn fall_asleep(&mut self) {
        self.sleeping += 1;
    }

    /// Restores the invariants 2 and 4, and takes out what is to be woken.
    #[inline]
    pub(super) fn settle(&mut self, intake: &Intake<J>, facts: &PoolFacts, now: u64) -> Wakes<W> {
        let queued = self.queue.len();
        let mut tokens = 0;
        if self.sleeping > 0 {
            // Sleeping threads that a job needs, that are too many, or that have to go.
            let needed = match self.phase {
                Phase::Open => queued.saturating_sub(self.idle - self.sleeping).max(self.too_many()),
                Phase::Closed | Phase::Draining | Phase::Ended => self.sleeping,
            };
            let given = needed.min(self.sleeping);
            // Sleeping -> idle and awake: one token for each. Pairs with `Tokens::take`.
            self.sleeping -= given;
            tokens = u32::try_from(given).unwrap_or(u32::MAX);
        }
        let may_wake = self.callers.wait_for_places() || (self.busy && self.is_idle());
        let callers = if may_wake { Some(self.wake_callers(facts, now)) } else { None };
        let oldest = self.queue.front().map_or(0, |queued| queued.since.max(1));
        facts.publish_queue(queued, oldest, self.running);
        facts.publish_done(self.ends.done);
        self.open_intake(intake, facts);
        Wakes { tokens, callers }
    }

    /// Takes out the callers that are to be woken.
    fn wake_callers(&mut self, facts: &PoolFacts, now: u64) -> Callees<W> {
        let mut woken = Callees::none();
        if self.callers.wait_for_places() {
            if self.phase > Phase::Open {
                woken.all = self.callers.take_all();
            } else if !self.has_no_place(self.queue.len() + self.callers.coming, now) {
                woken.first = self.callers.take_first();
            }
            facts.publish_waiting(self.callers.waiting.len());
        }
        if self.busy && self.is_idle() {
            self.busy = false;
            // Busy -> quiet, under the lock of the line, see `push`.
            woken.drivers = facts.leave();
            woken.watching = take(&mut self.callers.watching);
        }
        woken
    }

    fn too_many(&self) -> usize {
        self.threads.saturating_sub(self.wanted)
    }

    pub(super) fn status(&self) -> PoolStatus {
        let Ends { done, failed, stopped, dropped, expired } = self.ends;
        PoolStatus {
            threads: self.threads,
            running: self.running,
            queued: self.queue.len(),
            places: self.places,
            waiting: self.callers.waiting.len(),
            oldest_wait: self.queue.front().map(|queued| coarse_since(queued.since)),
            done,
            failed,
            stopped,
            dropped,
            expired,
        }
    }
}
