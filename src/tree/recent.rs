//! Owns the way of an ended thread to the reports of the scopes around it.
//! Refuses to judge how a thread ended: the tally of each scope does, by the clock of that scope.
//!
//! A thread that ends is noted once, in its own scope (`State::recent`).
//!
//! ```text
//! recent in its own scope --(that scope is over)--> recent in the scope around, and so on
//! recent --(there are too many of them)--> in the tally of each scope around
//! ```
//!
//! **No report misses a thread.** The thread becomes recent under the lock under which it becomes
//! home. It leaves a scope only when it is in the place that is next: `hand_on` adds it to the
//! scope around before the inner scope is vacated, and `spread` adds it to all tallies before it
//! takes it off. A report (`with_recent`) reads the inner scopes before the outer ones, and the
//! tally last.
//! So a thread that moves meanwhile is found once or twice, and the tally counts each once.

use std::sync::{Arc, Weak};

use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::state_lock::Lock;

impl ScopeCore {
    /// Adds the recent threads to the tallies of this scope and of the scopes around, if there are
    /// so many that they would take room. Once in a thousand ends, because it walks all the way
    /// out. Called with no lock held.
    pub(crate) fn spread(self: &Arc<Self>) {
        let Some(records) = self.lock().recent.claim() else { return };
        // Before the locks below, because this takes the locks of other scopes.
        let dues = self.outer_dues();
        for (core, due) in self.ancestors().zip(dues) {
            let displaced = core.lock().tally(&records, due);
            // With the lock free: a record may hold the last reference to a failure, whose payload
            // is the program's.
            drop(displaced);
        }
        // Recent to counted: only now, so that no report misses them.
        let counted = self.lock().recent.spread(records.len());
        drop((counted, records));
    }

    /// Hands the recent threads of a scope that is over on to the scope around it, and takes the
    /// scope off the list there. The scope keeps them for its own report.
    pub(crate) fn hand_on(self: &Arc<Self>, around: &Arc<ScopeCore>) {
        let reported = around.is_reported();
        let recent = if reported { self.lock().recent.all() } else { Vec::new() };
        let mut state = around.lock();
        state.recent.extend(recent);
        let is_full = state.recent.is_full();
        state.scopes.remove(self.id);
        let pool = state.pools.remove(self.id);
        drop(state);
        drop(pool);
        if is_full {
            around.spread();
        }
    }

    /// The threads of the subtree that are not home, and those that are recent, the oldest first.
    /// Without the scopes whose lock is not free in time.
    pub(crate) fn with_recent(self: &Arc<Self>, lock: Lock) -> Vec<Arc<Record>> {
        let mut scopes = vec![Arc::clone(self)];
        let mut next = 0;
        while let Some(core) = scopes.get(next).map(Arc::clone) {
            next += 1;
            let Some(state) = lock.take(&core) else { continue };
            scopes.extend(state.scopes.values().filter_map(Weak::upgrade));
        }
        let mut found = Vec::new();
        // The inner scopes first: see the header.
        for core in scopes.iter().rev() {
            let Some(state) = lock.take(core) else { continue };
            let entries = state.entries.values().map(|entry| &entry.record);
            // A thread that is home was noted if it counts. The failed job of a pool is home as
            // well, and no thread.
            found.extend(entries.filter(|record| !record.is_home()).map(Arc::clone));
            found.extend(state.recent.all());
        }
        crate::rt::order::sort_by_key(&mut found, |record| record.id);
        found
    }
}
