//! Owns the list of what failed in one scope: in order, each once, the first 1024 and the count of the others.
//! Refuses to know what follows from a failure.

use std::collections::HashMap;

use crate::failure::Failure;

/// How many a scope keeps (P4).
const KEPT: usize = 1024;

#[derive(Default)]
pub(crate) struct FailureList {
    kept: Vec<Failure>,
    omitted: usize,
    /// Where the tail begins that happened after the stop.
    during_stop: Option<usize>,
    /// Where each is, with those that it carries.
    ids: HashMap<u64, usize>,
}

impl FailureList {
    /// The failure that has this id, or carries it.
    pub(crate) fn find(&self, id: u64) -> Option<&Failure> {
        self.kept.get(*self.ids.get(&id)?)
    }

    /// Adds a failure, unless it is listed. `stopping` tells whether the scope had been asked to stop before.
    pub(crate) fn add(&mut self, failure: Failure, stopping: bool) {
        let ids = failure.ids();
        if ids.first().is_some_and(|own| self.ids.contains_key(own)) {
            return;
        }
        if stopping && self.during_stop.is_none() {
            self.during_stop = Some(self.kept.len());
        }
        if self.kept.len() < KEPT {
            let place = self.kept.len();
            self.ids.extend(ids.into_iter().map(|id| (id, place)));
            self.kept.push(failure);
        } else {
            self.omitted += 1;
        }
    }

    pub(crate) fn take(&mut self) -> (Vec<Failure>, usize, usize) {
        self.ids.clear();
        let first_during_stop = self.during_stop.unwrap_or(self.kept.len());
        (std::mem::take(&mut self.kept), first_during_stop, self.omitted)
    }
}
