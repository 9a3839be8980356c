//! Owns who is in a scope and what was asked of it: all that is under the scope's lock.
//! Refuses to lock and to wake: `core` does.

use std::panic::Location;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::outcome::failure_list::FailureList;
use crate::outcome::status::{Role, ThreadId};
use crate::rt::by_id::ById;
use crate::rt::packet::Task;
use crate::tree::core::ScopeCore;
use crate::tree::grace::Clock;
use crate::tree::record::{Record, Text};
use crate::tree::services::Services;
use crate::tree::tally::Tally;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Open,
    /// The last worker is home: nothing is admitted.
    Finishing,
    /// Everything that its threads borrowed has been given back, or, by a group, handed on to the scope around.
    Settled,
}

pub(crate) struct State {
    pub(crate) phase: Phase,
    /// Workers and adopted threads that have not ended.
    pub(crate) workers: usize,
    pub(crate) entries: ById<Entry>,
    /// Foreign threads that are shown and for which nobody waits.
    pub(crate) guests: ById<Arc<Record>>,
    /// How many of them, here and below, have left since the shutdown began.
    pub(crate) guests_left: usize,
    /// Ended, and not yet looked at by the next spawn.
    pub(crate) ended: Vec<ThreadId>,
    pub(crate) services: Services,
    pub(crate) deferred: Vec<Deferred>,
    pub(crate) scopes: ById<Weak<ScopeCore>>,
    /// Scopes whose body a thread of this one runs, wherever they are: their clock follows this one's.
    pub(crate) followers: ById<Weak<ScopeCore>>,
    pub(crate) failures: FailureList,
    pub(crate) clock: Clock,
    pub(crate) tally: Option<Tally>,
    pub(crate) body: Option<Arc<Record>>,
    pub(crate) internal: Vec<Arc<Record>>,
    /// The body has returned (or there is none).
    pub(crate) body_home: bool,
    /// Body and workers have been marked overdue.
    pub(crate) overdue: bool,
    /// `shutdown` has been called.
    pub(crate) asked: bool,
    /// The OS thread that settles it, as `this_thread::number` counts: it may still run what it has taken out of the lists.
    pub(crate) settler: Option<u64>,
    /// A group whose value is gone: nobody asks for its failures.
    pub(crate) disowned: bool,
    /// Calls of `shutdown` that wait now, and the earliest of their ends.
    pub(crate) callers: usize,
    pub(crate) callers_end: Option<Instant>,
}

/// A thread of the scope, and what of it may borrow (invariant 2).
pub(crate) struct Entry {
    pub(crate) record: Arc<Record>,
    pub(crate) task: Option<Arc<dyn Task<Arc<Record>>>>,
}

/// A function that runs when all threads have been joined.
pub(crate) struct Deferred {
    pub(crate) name: Text,
    pub(crate) at: &'static Location<'static>,
    pub(crate) task: Arc<dyn Task<()>>,
}

/// What has come of it that a thread was counted out.
pub(crate) struct CountedOut {
    /// Somebody may be waiting for just this one.
    pub(crate) watched: bool,
    /// Its row had to go: to be dropped when the lock is free, since it may be the last to know of a failure.
    pub(crate) gone: Option<Arc<Record>>,
}

impl State {
    pub(crate) fn new(body_home: bool) -> State {
        State {
            phase: Phase::Open,
            workers: 0,
            entries: ById::new(),
            guests: ById::new(),
            guests_left: 0,
            ended: Vec::new(),
            services: Services::default(),
            deferred: Vec::new(),
            scopes: ById::new(),
            followers: ById::new(),
            failures: FailureList::default(),
            clock: Clock::default(),
            tally: None,
            body: None,
            internal: Vec::new(),
            body_home,
            overdue: false,
            asked: false,
            settler: None,
            disowned: false,
            callers: 0,
            callers_end: None,
        }
    }

    /// False if nobody has to come home.
    pub(crate) fn waits(&self) -> bool {
        self.workers > 0 || !self.body_home || !self.services.is_empty()
    }

    /// Counts a thread out of its scope, or into the books of one around it.
    pub(crate) fn count_out(
        &mut self,
        record: &Arc<Record>,
        outer: Option<Instant>,
        is_own: bool,
    ) -> CountedOut {
        let gone = self.count(record, outer);
        if is_own {
            record.set_home();
        }
        if is_own && self.entries.get(record.id.0).is_some() {
            self.ended.push(record.id);
        }
        CountedOut { watched: is_own && self.leave(record), gone }
    }

    fn count(&mut self, record: &Arc<Record>, outer: Option<Instant>) -> Option<Arc<Record>> {
        let deadline = self.clock.deadline(outer);
        let ended = record.life(|life| life.ended_at);
        // A thread that was home before is not the shutdown's, even if it is counted out only now.
        let during = self.clock.began.is_some_and(|began| ended.is_none_or(|ended| ended >= began));
        self.tally.as_mut().filter(|_| during)?.add(record, deadline)
    }

    /// Takes out the entries of ended threads whose handles are gone; to be dropped when the lock is free.
    pub(crate) fn reap(&mut self) -> Vec<Entry> {
        let mut gone = Vec::new();
        for id in std::mem::take(&mut self.ended) {
            let released = |entry: &Entry| entry.record.life(|life| life.result.is_released());
            if self.entries.get(id.0).is_some_and(released) {
                gone.extend(self.entries.remove(id.0));
            }
        }
        gone
    }

    /// Counts a thread out; true if somebody may be waiting for just this one.
    pub(crate) fn leave(&mut self, record: &Arc<Record>) -> bool {
        if record.role == Role::Service {
            return self.services.remove(record.id.0).is_some();
        }
        self.workers -= 1;
        self.workers == 0
    }
}
