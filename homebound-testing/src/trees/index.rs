//! Owns the look-up in the observed events: by step, by thread and by scope.
//! Refuses to judge.

use std::collections::HashMap;

use super::kin::{Kin, Kind};
use super::log::{Event, Observed, Stop, What};
use super::tree::Id;

pub(super) struct Index<'a> {
    pub(super) observed: &'a Observed,
    pub(super) events: &'a [Event],
    pub(super) kin: Kin,
    of: HashMap<Id, Vec<usize>>,
}

impl<'a> Index<'a> {
    pub(super) fn of(observed: &'a Observed) -> Index<'a> {
        let mut of: HashMap<Id, Vec<usize>> = HashMap::new();
        for (place, event) in observed.events.iter().enumerate() {
            of.entry(event.node).or_default().push(place);
        }
        Index { observed, events: &observed.events, kin: Kin::of(&observed.tree), of }
    }

    /// The indexes of the events of a step.
    pub(super) fn places(&self, node: Id) -> &[usize] {
        self.of.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The first event of a step for which `is` holds.
    pub(super) fn first(&self, node: Id, is: impl Fn(&What) -> bool) -> Option<usize> {
        self.places(node).iter().copied().find(|place| is(&self.events[*place].what))
    }

    /// The event by which the watcher stopped a run in which all threads waited. No step is 0.
    pub(super) fn rescued(&self) -> Option<usize> {
        let by_watcher = |what: &What| matches!(what, What::Stopping { how: Stop::Because, .. });
        self.first(0, by_watcher)
    }

    pub(super) fn started(&self, node: Id) -> Option<usize> {
        self.first(node, |what| matches!(what, What::Started { .. }))
    }

    pub(super) fn making(&self, node: Id) -> Option<usize> {
        self.first(node, |what| matches!(what, What::Making))
    }

    pub(super) fn made(&self, node: Id) -> Option<usize> {
        self.first(node, |what| matches!(what, What::Made))
    }

    pub(super) fn refused(&self, node: Id) -> Option<usize> {
        self.first(node, |what| matches!(what, What::Refused))
    }

    pub(super) fn gone(&self, node: Id) -> Option<usize> {
        self.first(node, |what| matches!(what, What::Gone))
    }

    pub(super) fn ends(&self, node: Id) -> Option<usize> {
        self.first(node, |what| matches!(what, What::Ends(_)))
    }

    pub(super) fn returned(&self, scope: Id) -> Option<usize> {
        self.first(scope, |what| matches!(what, What::Returned(_)))
    }

    /// The scope or group in which a step fails. A body fails in its own scope.
    pub(super) fn home_of(&self, node: Id) -> Id {
        match self.kin.get(node) {
            Some(person) if !matches!(person.kind, Kind::Scope(_)) => person.home,
            _ => node,
        }
    }

    /// The thread or scope with the path that a failure of this step has.
    pub(super) fn thread_of(&self, node: Id) -> Id {
        match self.kin.get(node) {
            // The body of a map runs in the closure that called the map, and fails by its own path.
            Some(person) if person.kind == Kind::Callback => match self.kin.get(person.home) {
                Some(home) if home.closure == person.closure && person.home != person.closure => person.home,
                _ => person.closure,
            },
            _ => node,
        }
    }

    /// True if `path` is the path that this thread or body noted itself; for a deferred function,
    /// if it ends in its name.
    pub(super) fn is_path_of(&self, path: &str, node: Id) -> bool {
        match self.kin.get(node).map(|person| person.kind) {
            Some(Kind::Deferred) => path.ends_with(&format!("/d{node}")),
            _ => {
                let is_own = |what: &What| matches!(what, What::Started { path: own, .. } if own == path);
                self.first(node, is_own).is_some() || self.is_of_work(path, node)
            }
        }
    }

    /// True if the path is of a thread of this step's work, which are named after it: `w5`, `w5-1`.
    fn is_of_work(&self, path: &str, node: Id) -> bool {
        let own = format!("w{node}");
        let is = |part: &str| {
            part.strip_prefix(&own).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        path.split('/').any(is)
    }

    pub(super) fn threads(&self) -> impl Iterator<Item = Id> {
        self.kin.all().map(|(id, _)| id).filter(|id| self.kin.is_thread(*id))
    }

    /// True if a step asked this scope, or a scope around it, for a shutdown within milliseconds.
    pub(super) fn hurried(&self, scope: Id) -> bool {
        let mut around = self.kin.around(scope);
        around.push(scope);
        self.events.iter().any(|event| {
            matches!(event.what, What::Stopping { target, how: Stop::Shutdown } if around.contains(&target))
        })
    }
}
