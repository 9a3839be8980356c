//! Owns the list of what failed in one scope: in order, each once, the first 1024 and the count of the others.
//! Refuses to know what follows from a failure.

use std::time::Instant;

use crate::outcome::failure::Failure;
use crate::rt::by_id::ById;

/// How many a scope keeps (P4).
const KEPT: usize = 1024;

#[derive(Default)]
pub(crate) struct FailureList {
    /// By their own ids, so in the order in which they happened: an isolated failure is added later, when nobody can join it any more.
    kept: ById<Failure>,
    omitted: usize,
    /// The own id of the failure that has an id or carries it.
    ids: ById<u64>,
}

/// The list as a result has it.
pub(crate) struct Listed {
    /// In the order in which they happened.
    pub(crate) failures: Vec<Failure>,
    /// Where the tail begins that happened after the stop was asked for.
    pub(crate) first_during_stop: usize,
    pub(crate) omitted: usize,
}

impl FailureList {
    /// True if one of them is in an error that somebody has.
    pub(crate) fn are_carried(&self) -> bool {
        self.kept.values().any(Failure::is_carried)
    }

    /// The failure that has this id, or carries it.
    pub(crate) fn find(&self, id: u64) -> Option<&Failure> {
        self.kept.get(*self.ids.get(id)?)
    }

    /// Adds a failure, unless it is listed or told by one that is.
    pub(crate) fn add(&mut self, failure: Failure) {
        let own = failure.id();
        if self.ids.get(own).is_some() {
            return;
        }
        if self.kept.len() < KEPT {
            failure.ids().iter().for_each(|id| self.ids.insert(*id, own));
            self.kept.insert(own, failure);
        } else {
            self.omitted += 1;
        }
    }

    pub(crate) fn take(&mut self, stopped: Option<Instant>) -> Listed {
        self.ids = ById::new();
        let failures: Vec<_> = std::mem::take(&mut self.kept).into_values().collect();
        let before = |failure: &Failure| stopped.is_none_or(|stopped| failure.at() <= stopped);
        let first_during_stop = failures.partition_point(before);
        Listed { failures, first_during_stop, omitted: self.omitted }
    }
}
