//! Owns what the end of a job, and of a thread that fails, changes in the numbers of a pool.
//! Refuses to decide what is next: `state` does.

use std::collections::VecDeque;
use std::mem::take;

use super::State;
use crate::work::pool::parts::{Ending, Queued};

impl<J, W> State<J, W> {
    /// The OS has refused a thread. Returns all jobs if there is no thread that could run them.
    pub(in super::super) fn not_started(&mut self, seat: usize, now: u64) -> VecDeque<Queued<J>> {
        self.leave(seat);
        self.refused = now.max(1);
        let left = if self.threads == 0 { take(&mut self.queue) } else { VecDeque::new() };
        // Queued -> running, until the caller has counted each.
        self.running += left.len();
        left
    }

    /// A thread ended by a panic of ours, at a job or without one. Returns the seat of a thread
    /// that replaces it, if one is needed.
    pub(in super::super) fn lost(&mut self, seat: usize, busy: bool, now: u64) -> Option<usize> {
        if busy {
            self.ends.count(Ending::Failed);
            self.running -= 1;
            self.idle += 1;
        }
        self.leave(seat);
        self.start_one(now)
    }

    /// Running -> counted; the thread is idle.
    #[inline]
    pub(in super::super) fn finish(&mut self, ending: Ending, telling: bool) {
        self.over(ending, telling);
        self.idle += 1;
    }

    /// Running -> counted, for a job that a thread of the pool has run besides another, or that no
    /// thread has run.
    #[inline]
    pub(in super::super) fn over(&mut self, ending: Ending, telling: bool) {
        self.ends.count(ending);
        self.running -= 1;
        self.telling += usize::from(telling);
    }

    /// Running -> gone: the job goes back to the code that brought it.
    pub(in super::super) fn hand_back(&mut self) {
        self.running -= 1;
    }

    /// The end of a job has been told.
    pub(in super::super) fn told(&mut self) {
        self.telling -= 1;
    }
}
