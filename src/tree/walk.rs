//! Owns the walks over the tree: who is in the scopes below, and which scopes around are told of a failure.
//! Refuses to hold two locks at once: a walk takes a list, frees the lock, and goes on. Depth costs no stack.

use std::sync::{Arc, Weak};

use crate::outcome::failure::Failure;
use crate::outcome::reason::{Stop, StopReason};
use crate::stop::node::Node;
use crate::stop::wakeups::Calls;
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::record::Record;
use crate::tree::state::Phase;
use crate::tree::state_lock::Lock;

impl ScopeCore {
    /// Lists a failure, here and in the scopes that a group is in, and stops them if it is not an isolated one (F1). False if all
    /// of them are over, so that no result will tell of it.
    pub(crate) fn fail(self: &Arc<Self>, failure: &Failure, stops: bool) -> bool {
        if stops {
            self.stopped_with_it().for_each(|core| core.node.announce());
        }
        let (mut told, mut calls) = (false, Calls::default());
        let cause = Stop::new(StopReason::Failed { path: failure.path().to_owned() });
        for core in self.stopped_with_it() {
            // The cause is recorded before the flag is visible (S3).
            let mut state = core.lock();
            told |= state.phase < Phase::Settled;
            state.failures.add(failure.clone());
            drop(state);
            if stops {
                calls.add(core.node.mark_for(cause.clone()));
            }
        }
        // When all are listed and stopped.
        calls.run();
        told
    }

    /// Stops the scopes that a failure stops, before the error is asked what it is: its `source` and its `Drop` are the program's
    /// code, and may take their time. `own` is the node of the closure that returned the error, `path` where it failed.
    ///
    /// Where no stop has come, what a closure returned as an error is a failure, whatever it holds. Where one has come, the error
    /// is a failure if it cannot be that stop, since no proof of the stop is alive, nor a failure that is listed already. Otherwise
    /// only the error itself can tell, and nothing is stopped before it has been asked.
    pub(crate) fn stop_before_judging(self: &Arc<Self>, own: &Node, path: &str, stops: bool) -> Calls {
        let mut calls = Calls::default();
        let in_doubt = || own.hears_of_a_stop() && (own.may_be_in_errors() || self.has_carried_failures());
        if !stops || in_doubt() {
            return calls;
        }
        let cause = Stop::new(StopReason::Failed { path: path.to_owned() });
        for core in self.stopped_with_it() {
            calls.add(core.node.mark_for(cause.clone()));
        }
        calls
    }

    /// The scopes that a failure in this one is listed in, and stops: those that it is in, if it is
    /// a group.
    fn stopped_with_it(self: &Arc<Self>) -> impl Iterator<Item = &Arc<ScopeCore>> {
        std::iter::successors(Some(self), |core| core.parent.as_ref().filter(|_| core.kind == Kind::Group))
    }

    /// True if somebody has an error that carries a failure of it.
    pub(crate) fn has_carried_failures(&self) -> bool {
        self.lock().failures.are_carried()
    }

    /// The listed failure that has this id, or carries it.
    pub(crate) fn known(&self, id: u64) -> Option<Failure> {
        self.lock().failures.find(id).cloned()
    }

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
