//! Owns the walk of a look: which threads of the tree are to be looked at more closely.
//! Refuses to read the kernel, and to hold a lock for more than [`PORTION`] threads.
//!
//! A thread may run bodies of scopes that it has opened. Each has a record of its own, and a wait
//! is in the record of the innermost. So the records of one thread make a *group*, and the thread
//! is in a known wait if one of them is.

use std::sync::{Arc, Weak};

use crate::outcome::status::snapshot::Role;
use crate::rt::index::Index;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::state_lock::Lock;

/// Number of threads that are visited under one hold of their scope's lock.
const PORTION: usize = 256;

/// A thread that may have to be looked at.
pub(super) struct Group {
    /// The thread, or the outermost body on a thread that is in no scope.
    pub(super) record: Arc<Record>,
    /// The bodies that it runs, as the walk has met them.
    pub(super) bodies: Vec<Arc<Record>>,
    /// One of these is in a wait of homebound's.
    pub(super) waits: bool,
}

impl Group {
    fn new(record: &Arc<Record>) -> Group {
        Group { record: Arc::clone(record), bodies: Vec::new(), waits: false }
    }

    /// All records, the outermost first.
    pub(super) fn records(&self) -> impl DoubleEndedIterator<Item = &Arc<Record>> {
        std::iter::once(&self.record).chain(&self.bodies)
    }
}

/// What one walk has found.
#[derive(Default)]
pub(super) struct Crowd {
    pub(super) groups: Index<Group>,
    /// A scope was locked, so some of its threads are missing.
    pub(super) is_partial: bool,
    /// A thread that has said what to expect of it has no kernel id yet, so it is missing.
    pub(super) awaits: bool,
}

/// Visits the tree. Returns the threads that are in no known wait, and the threads that have said
/// what to expect of them. A scope whose lock is not free in time is left out.
pub(super) fn crowd(core: &Arc<ScopeCore>) -> Crowd {
    let mut found = Crowd::default();
    let (lock, mut list) = (Lock::briefly(), vec![Arc::clone(core)]);
    while let Some(core) = list.pop() {
        let Some(state) = lock.take(&core) else {
            found.is_partial = true;
            continue;
        };
        list.extend(state.scopes.values().filter_map(Weak::upgrade));
        // Cloned, because `visit` reads records without the lock here; there are few of these.
        let few: Vec<_> = state.internal.iter().chain(&state.body).cloned().collect();
        drop(state);
        few.iter().for_each(|record| visit(record, &mut found));
        let mut next = 0;
        // The lock is free between two portions: a spawn or an ending thread waits for one at most.
        loop {
            let Some(state) = lock.take(&core) else {
                found.is_partial = true;
                break;
            };
            let mut entries = state.entries.values_from(next).map(|entry| &entry.record);
            // Ids grow, so the last id of a portion is where the next portion goes on.
            let mut last = None;
            for record in entries.by_ref().take(PORTION) {
                visit(record, &mut found);
                last = Some(record.id.0);
            }
            match last.filter(|_| entries.next().is_some()) {
                Some(last) => next = last + 1,
                None => break,
            }
        }
    }
    found
}

/// Adds a record to its group, if the thread may have to be looked at.
fn visit(record: &Arc<Record>, found: &mut Crowd) {
    let is_hosted = |record: &Record| matches!(record.role, Role::Adopted | Role::Guest);
    if record.has_ended() || is_hosted(record) {
        return;
    }
    // A thread that has not begun, or that is between two runs, has no kernel id. Its starter has
    // given the news already.
    if record.kernel_id().is_none() {
        found.awaits |= record.expects();
        return;
    }
    let found = &mut found.groups;
    if record.role == Role::Body {
        let outermost = outermost(record);
        if !is_hosted(outermost) {
            let group = found.get_or_insert_with(outermost.id.0, || Group::new(outermost));
            // The group is new if the thread's record was in a wait, or if `record` is outermost.
            group.waits |= record.is_waiting() || outermost.is_waiting();
            if !Arc::ptr_eq(record, outermost) {
                group.bodies.push(Arc::clone(record));
            }
        }
        return;
    }
    // A thread in a known wait is fine, unless it has promised signs of progress. (Its bodies may
    // add its group all the same.)
    let waits = record.is_waiting();
    if !waits || record.expects() {
        found.get_or_insert_with(record.id.0, || Group::new(record)).waits |= waits;
    }
}

/// The thread that runs this body; or, if that is in no scope, the outermost body on it.
fn outermost(body: &Arc<Record>) -> &Arc<Record> {
    let mut record = body;
    while let Some(runner) = record.core.runner.as_ref().filter(|_| record.role == Role::Body) {
        record = runner;
    }
    record
}
