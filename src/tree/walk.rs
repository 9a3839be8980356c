//! Owns the walks over the tree: which threads are in a scope and in the scopes below it.
//! Refuses to hold two locks at once: a walk takes a list, frees the lock, and goes on. Iterative:
//! depth costs no stack.

use std::sync::{Arc, Weak};

use crate::rt::order::sort_by_key;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::state_lock::Lock;

impl ScopeCore {
    /// This scope and all scopes around it, the innermost first.
    pub(crate) fn ancestors(self: &Arc<Self>) -> impl Iterator<Item = &Arc<ScopeCore>> {
        std::iter::successors(Some(self), |core| core.parent.as_ref())
    }

    /// Returns the live threads of the subtree: workers, services and adopted threads, the oldest
    /// first.
    pub(crate) fn live(self: &Arc<Self>) -> Vec<Arc<Record>> {
        let mut found = self.listed();
        found.retain(|record| !record.has_ended());
        found
    }

    /// Returns all threads of the subtree that have an entry: the live ones, and ended ones that
    /// were not taken out yet.
    pub(crate) fn listed(self: &Arc<Self>) -> Vec<Arc<Record>> {
        self.listed_by(Lock::Waits)
    }

    /// As `listed`, without the scopes whose lock is not free in time.
    pub(crate) fn listed_by(self: &Arc<Self>, lock: Lock) -> Vec<Arc<Record>> {
        let mut found = Vec::new();
        let mut list = vec![Arc::clone(self)];
        while let Some(core) = list.pop() {
            // The lock is free again at the end of each round.
            let Some(state) = lock.take(&core) else { continue };
            found.extend(state.entries.values().map(|entry| Arc::clone(&entry.record)));
            list.extend(state.scopes.values().filter_map(Weak::upgrade));
        }
        sort_by_key(&mut found, |record| record.id);
        found
    }
}
