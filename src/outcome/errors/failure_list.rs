//! Owns the list of failures of one scope: in order, each once, the first 1024, and the number of
//! the others (P4).
//! Refuses to know the effect of a failure: `tree::propagate` stops scopes.

use std::time::Instant;

use crate::outcome::errors::failure::Failure;
use crate::rt::by_id::ById;

/// Number of failures that a scope keeps (P4).
const KEPT: usize = 1024;

#[derive(Default)]
pub(crate) struct FailureList {
    /// By their own ids, so in the order in which they happened. The order of `add` may differ,
    /// because an isolated failure is added only when no handle can take it any more.
    kept: ById<Failure>,
    /// Number of failures that were added when the list was full.
    omitted: usize,
    /// From the id of each failure in `kept`, and of each that it carries, to the id of the failure
    /// in `kept`.
    ids: ById<u64>,
}

/// The list as the result of a scope gets it.
pub(crate) struct Listed {
    /// In the order in which they happened.
    pub(crate) failures: Vec<Failure>,
    /// Index of the first failure that happened after the scope was asked to stop.
    pub(crate) first_during_stop: usize,
    /// Number of failures that were counted and not kept.
    pub(crate) omitted: usize,
}

impl FailureList {
    /// True if an error holds one of the failures, on any thread.
    pub(crate) fn are_carried(&self) -> bool {
        self.kept.values().any(Failure::is_carried)
    }

    pub(crate) fn has_any(&self) -> bool {
        !self.kept.is_empty()
    }

    /// The failure that has this id, or carries it.
    pub(crate) fn find(&self, id: u64) -> Option<&Failure> {
        self.kept.get(*self.ids.get(id)?)
    }

    /// Adds a failure, unless it is listed already, or a listed failure carries it.
    pub(crate) fn add(&mut self, failure: Failure) {
        let own = failure.id();
        // Listed by itself, or as a part of a failure that carries it (F3).
        if self.ids.get(own).is_some() {
            return;
        }
        if self.kept.len() < KEPT {
            failure.ids().iter().for_each(|id| self.ids.insert(*id, own));
            self.kept.insert(own, failure);
        } else {
            // Its ids are not kept, because they would have no bound.
            self.omitted += 1;
        }
    }

    /// Takes the list out. `stopped` is when the scope was asked to stop.
    pub(crate) fn take(&mut self, stopped: Option<Instant>) -> Listed {
        // The scope is over, so no failure will be looked for by its id.
        self.ids = ById::new();
        let failures: Vec<_> = std::mem::take(&mut self.kept).into_values().collect();
        let before = |failure: &Failure| stopped.is_none_or(|stopped| failure.at() <= stopped);
        // Ids grow with time, so the list is in order, and one point parts it.
        let first_during_stop = failures.partition_point(before);
        Listed { failures, first_during_stop, omitted: self.omitted }
    }
}
