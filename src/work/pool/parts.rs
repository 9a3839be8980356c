//! Owns the words in which the queue of a pool speaks with its callers, and what it wakes.
//! Refuses to decide anything: `state` does.

use std::collections::VecDeque;

use crate::tree::jobs::PoolFacts;

/// How far a pool has come. It only moves down this list; `line` draws the transitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Open,
    Closed,
    Draining,
    Ended,
}

/// How a job ended, for the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Done,
    Failed,
    Stopped,
    Dropped,
    Expired,
}

/// Numbers of jobs that have ended, by how.
#[derive(Clone, Copy, Default)]
pub(super) struct Ends {
    pub(super) done: u64,
    pub(super) failed: u64,
    pub(super) stopped: u64,
    pub(super) dropped: u64,
    pub(super) expired: u64,
}

impl Ends {
    #[inline]
    pub(super) fn count(&mut self, ending: Ending) {
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
pub(super) struct Queued<J> {
    /// Its number in the pool, from 1.
    pub(super) number: u64,
    /// When it came, by the coarse clock.
    pub(super) since: u64,
    pub(super) job: J,
}

/// Why a job did not get a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Full,
    Closed,
    /// The pool was told to stop.
    Told,
    /// The scope is finishing.
    UsersDone,
}

/// A job has got a place.
#[derive(Debug)]
pub(super) struct Pushed {
    pub(super) number: u64,
    /// The caller has to start the thread with this number, or to say that it could not.
    pub(super) start: Option<usize>,
}

/// What a thread of the pool has to do next.
pub(super) enum Next<J> {
    Run(Queued<J>),
    /// Drop these jobs, because the pool was told to stop.
    Drop(VecDeque<Queued<J>>),
    /// Go.
    Leave,
}

/// Whether the calling thread was told to stop, and whether its share of the grace is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    No,
    Stop,
    Overdue,
}

/// What is to be woken when the lock is free.
#[must_use]
pub(super) struct Wakes<W> {
    /// For so many sleeping threads.
    pub(super) tokens: u32,
    /// For a caller that finds a place.
    pub(super) caller: Option<(u64, W)>,
    /// For callers that will find no place any more.
    pub(super) callers: VecDeque<(u64, W)>,
    /// For callers that wait until the pool is idle.
    pub(super) watching: Vec<(u64, W)>,
    /// True if a driver of the scope waits for the last job.
    pub(super) drivers: bool,
}

/// How a thread was woken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Woken {
    /// It did not sleep.
    #[default]
    Not,
    /// By a token, whose giver has taken it off `sleeping`.
    Token,
    /// By the stop of the pool, so it takes itself off.
    Open,
}

impl<W> Wakes<W> {
    #[inline]
    pub(super) fn none() -> Wakes<W> {
        Wakes { tokens: 0, caller: None, callers: VecDeque::new(), watching: Vec::new(), drivers: false }
    }

    /// Wakes, when the lock is free.
    #[inline]
    pub(super) fn run(self, facts: &PoolFacts) {
        if self.tokens > 0 {
            facts.tokens.give(self.tokens);
        }
        if self.drivers {
            facts.wake_drivers();
        }
        // The drop of a waker wakes its caller.
        drop((self.caller, self.callers, self.watching));
    }
}
