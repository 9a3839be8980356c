//! Owns the walks over the tree: which threads are in a scope and in the scopes below it.
//! Refuses to hold two locks at once: a walk takes a list, frees the lock, and goes on. Depth costs no stack.

use std::sync::{Arc, Weak};

use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::state_lock::Lock;

impl ScopeCore {
    /// Live threads of the subtree: workers, services and adopted, the oldest first. Iterative: depth costs no stack.
    pub(crate) fn live(self: &Arc<Self>) -> Vec<Arc<Record>> {
        let mut found = self.listed();
        found.retain(|record| !record.has_ended());
        found
    }

    /// All threads of the subtree that have an entry: the live, and those of the others that were not taken out yet.
    pub(crate) fn listed(self: &Arc<Self>) -> Vec<Arc<Record>> {
        self.listed_by(Lock::Waits)
    }

    /// The same, but for scopes whose lock cannot be had.
    pub(crate) fn listed_by(self: &Arc<Self>, lock: Lock) -> Vec<Arc<Record>> {
        let mut found = Vec::new();
        let mut list = vec![Arc::clone(self)];
        while let Some(core) = list.pop() {
            let Some(state) = lock.take(&core) else { continue };
            found.extend(state.entries.values().map(|entry| Arc::clone(&entry.record)));
            list.extend(state.scopes.values().filter_map(Weak::upgrade));
        }
        found.sort_unstable_by_key(|record| record.id);
        found
    }
}
