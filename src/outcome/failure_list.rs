//! Owns the list of what failed in one scope: in order, each once, the first 1024 and the count of the others.
//! Refuses to know what follows from a failure.

use std::collections::HashMap;
use std::time::Instant;

use crate::outcome::failure::Failure;

/// How many a scope keeps (P4).
const KEPT: usize = 1024;

#[derive(Default)]
pub(crate) struct FailureList {
    kept: Vec<Failure>,
    omitted: usize,
    /// Where those that are kept stand, and those that they carry.
    ids: HashMap<u64, usize>,
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
        self.kept.iter().any(Failure::is_carried)
    }

    /// The failure that has this id, or carries it.
    pub(crate) fn find(&self, id: u64) -> Option<&Failure> {
        self.kept.get(*self.ids.get(&id)?)
    }

    /// Adds a failure, unless it is listed or told by one that is.
    pub(crate) fn add(&mut self, failure: Failure) {
        let ids = failure.ids().to_vec();
        if ids.first().is_some_and(|own| self.ids.contains_key(own)) {
            return;
        }
        if self.kept.len() < KEPT {
            let place = self.kept.len();
            self.ids.extend(ids.into_iter().map(|id| (id, place)));
            self.kept.push(failure);
        } else {
            self.omitted += 1;
        }
    }

    /// An isolated failure is listed when nobody can join it any more: so the list is put in order here.
    pub(crate) fn take(&mut self, stopped: Option<Instant>) -> Listed {
        self.ids.clear();
        let mut failures = std::mem::take(&mut self.kept);
        failures.sort_by_key(|failure| failure.ids().first().copied());
        let before = |failure: &Failure| stopped.is_none_or(|stopped| failure.at() <= stopped);
        let first_during_stop = failures.partition_point(before);
        Listed { failures, first_during_stop, omitted: self.omitted }
    }
}
