//! Owns the data under a scope's lock: its members, what was asked of it, what failed.
//! Refuses to lock and to wake: `state_lock` and `core` do.

use std::panic::Location;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::outcome::errors::failure_list::FailureList;
use crate::outcome::status::id::ThreadId;
use crate::outcome::status::snapshot::Role;
use crate::rt::by_id::ById;
use crate::rt::erase::Kept;
use crate::rt::packet::Task;
use crate::tree::core::ScopeCore;
use crate::tree::grace::Clock;
use crate::tree::record::Record;
use crate::tree::services::Services;
use crate::tree::tally::{Recent, Tally};
use crate::tree::text::Text;

/// How far a scope has come. A phase only moves forward, under the scope's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Threads and groups are admitted.
    Open,
    /// The last worker is home: nothing is admitted. Set by `order::plan`, or by `settle` for a
    /// group.
    Finishing,
    /// Nothing is left that its threads borrowed: it was given back, or a group handed it on to the
    /// scope around. Set by `settle` when all lists are empty.
    Settled,
}

pub(crate) struct State {
    /// Written by `order` and `settle`; read by each admission.
    pub(crate) phase: Phase,
    /// Number of workers and adopted threads that are not counted out. Raised by `admit`, lowered
    /// by `leave`; at 0 the services are next.
    pub(crate) workers: usize,
    /// The threads of the scope, by id, that were not joined, reaped or settled.
    pub(crate) entries: ById<Entry>,
    /// Foreign threads that are shown and for which nobody waits.
    pub(crate) guests: ById<Arc<Record>>,
    /// Number of guests, here and in the scopes below, that left after the shutdown began. Read by
    /// the report.
    pub(crate) guests_left: usize,
    /// Counted out, and not yet looked at by `reap`, which the next spawn calls.
    pub(crate) ended: Vec<ThreadId>,
    /// Services and groups that are not over.
    pub(crate) services: Services,
    /// The pools among the groups in `services`: the scope is finishing when none has a job (E1).
    /// Added to when a pool opens, removed from when it is settled.
    pub(crate) pools: ById<Arc<ScopeCore>>,
    /// The id from which the next opening of a pool looks for pools that are closed.
    pub(crate) next_pool: u64,
    /// Run by `settle`, the last first. A deferred function may add more.
    pub(crate) deferred: Vec<Deferred>,
    /// Lent to all that the scope runs. Dropped by `settle`, the last first, when all else is over.
    pub(crate) kept: Vec<KeptValue>,
    /// The scopes and groups below this one, until they are settled. Read by walks over the tree.
    pub(crate) scopes: ById<Weak<ScopeCore>>,
    /// Scopes, anywhere in the tree, whose body runs on a thread of this one. Their clocks follow
    /// this scope's, so a stop here wakes their drivers.
    pub(crate) followers: ById<Weak<ScopeCore>>,
    /// The failures that the result of the scope will list, the first 1,024 (P4).
    pub(crate) failures: FailureList,
    /// When the shutdown began, and when its grace is over.
    pub(crate) clock: Clock,
    /// Counts the threads that end in the shutdown. `Some` from its beginning until the report is
    /// made.
    pub(crate) tally: Option<Tally>,
    /// Threads that ended in the shutdown of this scope or of one around it, and that no tally
    /// counts yet. Added to by `count_out` and by scopes inside that are over.
    pub(crate) recent: Recent,
    /// The record of the body while the scope lives; a group has none.
    pub(crate) body: Option<Arc<Record>>,
    /// Threads of homebound's own: *watch*, *stopper*, the timer. Only views read it.
    pub(crate) internal: Vec<Arc<Record>>,
    /// True when the body has returned, and from the start if there is none. Written by the exit
    /// path.
    pub(crate) body_home: bool,
    /// Set by `order::plan` when the share of body and workers is over: they are marked once.
    pub(crate) overdue: bool,
    /// Set by the first call of `shutdown`. The services may then be told while the body runs.
    pub(crate) asked: bool,
    /// The OS thread that settles the scope, as `this_thread::number` counts. Set and cleared by
    /// `settle`; while it is set, that thread may still run a function that it took out of
    /// `deferred`.
    pub(crate) settler: Option<u64>,
    /// Set when the value of a group is gone: nobody will ask for its failures, so `settle` drops
    /// them.
    pub(crate) disowned: bool,
    /// Number of `shutdown` calls that wait now.
    pub(crate) callers: usize,
    /// The earliest end of the waiting `shutdown` calls; cleared by the last of them.
    pub(crate) callers_end: Option<Instant>,
}

/// A thread of the scope, and its packet, which may hold borrowed values (invariant 2 of `rt`).
pub(crate) struct Entry {
    pub(crate) record: Arc<Record>,
    /// `None` for an adopted thread, whose closure is not ours.
    pub(crate) task: Option<Arc<dyn Task<Arc<Record>>>>,
}

/// A function that runs when all threads of the scope are home.
pub(crate) struct Deferred {
    pub(crate) name: Text,
    pub(crate) at: &'static Location<'static>,
    pub(crate) task: Arc<dyn Task<()>>,
}

/// A value that the scope owns (`Scope::keep`).
pub(crate) struct KeptValue {
    /// Dropped without the lock, because the `Drop` of the value is the program's.
    pub(crate) value: Kept,
    /// The line of `keep`, for a failure of the drop.
    pub(crate) at: &'static Location<'static>,
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
            pools: ById::new(),
            next_pool: 0,
            deferred: Vec::new(),
            kept: Vec::new(),
            scopes: ById::new(),
            followers: ById::new(),
            failures: FailureList::default(),
            clock: Clock::default(),
            tally: None,
            recent: Recent::default(),
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

    /// True if some thread or group has to come home.
    pub(crate) fn waits(&self) -> bool {
        self.workers > 0 || !self.body_home || !self.services.is_empty()
    }

    /// Counts a thread out of this scope, which is its own. `in_a_stop`: the thread is to be
    /// counted for a report. True if the drivers may be waiting for just this thread: wake them.
    pub(crate) fn count_out(&mut self, record: &Arc<Record>, in_a_stop: bool) -> bool {
        // Ended to home, under the lock under which `release` asks for it, and a report finds the
        // thread either away or recent.
        record.set_home();
        if in_a_stop {
            self.recent.add(record);
        }
        if self.entries.get(record.id.0).is_some() {
            self.ended.push(record.id);
        }
        self.leave(record)
    }

    /// Adds the threads to the tally, if there is one. Returns the records whose rows were
    /// displaced; the caller drops them without the lock.
    pub(crate) fn tally(&mut self, records: &[Arc<Record>], outer: Option<Instant>) -> Vec<Arc<Record>> {
        let tally = self.tally.iter_mut();
        tally
            .flat_map(|tally| records.iter().filter_map(|record| tally.add(record, &self.clock, outer)))
            .collect()
    }

    /// Takes out the entries of ended threads whose handles are gone. The caller drops them without
    /// the lock.
    pub(crate) fn reap(&mut self) -> Vec<Entry> {
        let mut gone = Vec::new();
        // An entry whose handle lives stays, because a join will ask for it. The joiner removes it.
        for id in std::mem::take(&mut self.ended) {
            let released = |entry: &Entry| entry.record.life(|life| life.result.is_released());
            if self.entries.get(id.0).is_some_and(released) {
                gone.extend(self.entries.remove(id.0));
            }
        }
        gone
    }

    /// Takes a thread off the members that the scope waits for. True if the drivers may be waiting
    /// for just this thread: it was a service, or the last worker.
    pub(crate) fn leave(&mut self, record: &Arc<Record>) -> bool {
        // A service is told and waited for by its place in the list, so it is no part of the
        // number.
        if record.role == Role::Service {
            return self.services.remove(record.id.0).is_some();
        }
        self.workers -= 1;
        self.workers == 0
    }
}
