//! Owns the intake of a pool: a list with a lock of its own, into which jobs come while every
//! thread of the pool is awake, so that submitters and threads do not meet at the lock of the line.
//! Refuses to decide when it is open: `state::full_load` does, under the lock of the line.
//!
//! ```text
//! closed --open--> open --push--> open, or closed with the last of the room
//! open --drain, some jobs--> open, with new room       open --drain, no job--> closed
//! open --drain, with room for none--> closed
//! ```
//!
//! The lock of the intake is a leaf: it is taken alone, or under the lock of the line. So a thread
//! that closes the intake under the lock of the line has every job that came before, and from then
//! on each job comes by the line.

use std::collections::VecDeque;
use std::mem::swap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::parts::{Queued, lock_soon};
use crate::sync::TryMutex;
use crate::tree::pool_facts::PoolFacts;

pub(super) struct Intake<J> {
    list: TryMutex<List<J>>,
    /// Whether there is room, for a submitter that looks without the lock. Written under the lock,
    /// and a hint only: a submitter that is misled takes the lock, or the way by the line.
    is_open: AtomicBool,
}

struct List<J> {
    /// Number of jobs that may still come; 0 if the intake is closed.
    room: usize,
    jobs: VecDeque<Queued<J>>,
    /// The number of the last job that came. Of no meaning while the intake is closed.
    last: u64,
}

impl<J> Intake<J> {
    /// A closed one.
    pub(super) fn new() -> Intake<J> {
        let list = List { room: 0, jobs: VecDeque::new(), last: 0 };
        Intake { list: TryMutex::new(list), is_open: AtomicBool::new(false) }
    }

    /// A job comes, and gets a number; it is given back if the intake is closed.
    #[inline]
    pub(super) fn push(&self, job: J, now: u64, facts: &PoolFacts) -> Result<u64, J> {
        if !self.is_open.load(Ordering::Relaxed) {
            return Err(job);
        }
        let mut list = lock_soon(&self.list);
        if list.room == 0 {
            return Err(job);
        }
        list.room -= 1;
        list.last += 1;
        let number = list.last;
        // -> queued.
        list.jobs.push_back(Queued { number, since: now, job });
        self.publish(&list, facts);
        Ok(number)
    }

    /// Lets `room` further jobs come. `last` is the number of the last job before them. Called
    /// under the lock of the line, when the intake is closed and empty.
    pub(super) fn open(&self, last: u64, room: usize, facts: &PoolFacts) {
        let mut list = lock_soon(&self.list);
        (list.last, list.room) = (last, room);
        self.publish(&list, facts);
    }

    /// Moves the jobs to the end of `queue`, and lets as many come as `most` less those in the
    /// queue; none if no job has come. Returns the number of the last job, and whether the intake
    /// is still open. Called under the lock of the line, when the intake is open.
    pub(super) fn drain(
        &self,
        queue: &mut VecDeque<Queued<J>>,
        most: usize,
        facts: &PoolFacts,
    ) -> (u64, bool) {
        let mut list = lock_soon(&self.list);
        let came = !list.jobs.is_empty();
        facts.begin_change();
        if queue.is_empty() {
            // Most often: so each of the two lists keeps the memory of a long one.
            swap(queue, &mut list.jobs);
        } else {
            queue.append(&mut list.jobs);
        }
        list.room = if came { most.saturating_sub(queue.len()) } else { 0 };
        // The queue first. Pairs with `PoolFacts::queued`, which reads it last.
        facts.publish_queued(queue.len());
        self.publish(&list, facts);
        facts.end_change();
        (list.last, list.room > 0)
    }

    fn publish(&self, list: &List<J>, facts: &PoolFacts) {
        self.is_open.store(list.room > 0, Ordering::Relaxed);
        facts.publish_intake(list.jobs.len(), list.jobs.front().map_or(0, |queued| queued.since.max(1)));
    }
}
