//! Owns the words in which the queue of a pool speaks with its callers, and what it wakes.
//! Refuses to decide anything: `state` does.

use std::collections::VecDeque;
use std::sync::Weak;

use crossbeam_utils::Backoff;

use crate::sync::{MODELLED, TryMutex, TryMutexGuard};
use crate::tree::core::ScopeCore;
use crate::tree::pool_facts::PoolFacts;

/// Takes a lock whose holders need nanoseconds: a thread that finds it taken looks again for a
/// moment before it sleeps.
#[inline]
pub(super) fn lock_soon<T>(lock: &TryMutex<T>) -> TryMutexGuard<'_, T> {
    match lock.try_lock() {
        Some(held) => held,
        None => lock_later(lock),
    }
}

#[cold]
fn lock_later<T>(lock: &TryMutex<T>) -> TryMutexGuard<'_, T> {
    // The lock is held for a few instructions, so to sleep for it costs more than to look again.
    // Not in a model, where each look is a step.
    let backoff = Backoff::new();
    while !MODELLED && !backoff.is_completed() {
        backoff.snooze();
        if let Some(held) = lock.try_lock() {
            return held;
        }
    }
    lock.lock()
}

/// How far a pool has come. It only moves down this list; `line` draws the transitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Open,
    Closed,
    Draining,
    Ended,
}

/// How a job ended, for the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    Failed,
    Stopped,
    Dropped,
    Expired,
}

/// Numbers of jobs that have ended, by how.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ends {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) stopped: u64,
    pub(crate) dropped: u64,
    pub(crate) expired: u64,
}

impl Ends {
    #[inline]
    pub(crate) fn count(&mut self, ending: Ending) {
        let count = match ending {
            Ending::Done => &mut self.done,
            Ending::Failed => &mut self.failed,
            Ending::Stopped => &mut self.stopped,
            Ending::Dropped => &mut self.dropped,
            Ending::Expired => &mut self.expired,
        };
        *count += 1;
    }
}

/// A job that has a place.
pub(crate) struct Queued<J> {
    /// Its number in the pool, from 1.
    pub(crate) number: u64,
    /// When it came, by the coarse clock.
    pub(crate) since: u64,
    pub(crate) job: J,
}

/// Why a job did not get a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Full,
    Closed,
    /// The pool was told to stop.
    Told,
    /// The scope is finishing.
    UsersDone,
}

/// A job has got a place.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub(crate) number: u64,
    /// The caller has to start the thread with this number, or to say that it could not.
    pub(crate) start: Option<usize>,
}

/// The next step of a thread of the pool.
pub(crate) enum Next<J> {
    Run(Queued<J>),
    /// Drop these jobs, because the pool was told to stop.
    Drop(VecDeque<Queued<J>>),
    /// Go.
    Leave,
}

/// Whether the calling thread was told to stop, and whether its share of the grace is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    No,
    Stop,
    Overdue,
}

/// The threads and callers to wake when the lock is free.
#[must_use]
pub(crate) struct Wakes<W> {
    /// How many sleeping threads to wake.
    pub(crate) tokens: u32,
    /// Most changes wake no caller.
    pub(crate) callers: Option<Callees<W>>,
}

/// The callers that are to be woken.
pub(crate) struct Callees<W> {
    /// A caller that finds a place.
    pub(crate) first: Option<(u64, W)>,
    /// Callers that will find no place any more.
    pub(crate) all: VecDeque<(u64, W)>,
    /// Callers that wait until the pool is idle.
    pub(crate) watching: Vec<(u64, W)>,
    /// True if a driver of the scope waits for the last job.
    pub(crate) drivers: bool,
}

/// How a thread was woken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Woken {
    /// It did not sleep.
    #[default]
    Not,
    /// By a token, whose giver has taken it off `sleeping`.
    Token,
    /// By the stop of the pool, so it takes itself off.
    Open,
}

impl<W> Callees<W> {
    pub(crate) fn none() -> Callees<W> {
        Callees { first: None, all: VecDeque::new(), watching: Vec::new(), drivers: false }
    }
}

impl<W> Wakes<W> {
    /// Wakes, when the lock is free. `around`: the scope around the pool.
    #[inline]
    pub(crate) fn run(self, facts: &PoolFacts, around: &Weak<ScopeCore>) {
        if self.tokens > 0 {
            // Pairs with `Tokens::take` in `Line::wait_for_work`. With the lock free, because the
            // woken threads take it at once.
            facts.tokens.give(self.tokens);
        }
        if let Some(callers) = self.callers {
            if callers.drivers {
                // The drivers of the scope around, for which `close_all` has watched the gate. Not
                // those of the pool's own group: no driver looks at a group that was not told, so
                // a second wake-up would end there.
                around.upgrade().iter().for_each(|around| around.wake_drivers());
            }
            // The drop of a waker wakes its caller.
            drop(callers);
        }
    }
}
