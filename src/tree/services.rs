//! Owns the services and groups of a scope, in the order in which they are told to stop.
//! Refuses to tell anybody, and to lock: `shutdown::order` does.
//!
//! ```text
//! waiting --(all later ones are home or overdue)--> told --(share over)--> told and overdue
//!                                                    +--(a group whose threads are home, and nobody settles it yet)--> home
//! ```
//!
//! Thousands may end one after the other, so no step looks at all of them.

use std::sync::Arc;
use std::time::Instant;

use crate::rt::by_id::ById;
use crate::tree::core::ScopeCore;
use crate::tree::grace::share;
use crate::tree::record::Record;

/// By age, those that are not over. A thread leaves when it is home, a group when it has been settled.
#[derive(Default)]
pub(crate) struct Services {
    waiting: ById<Served>,
    told: ById<Told>,
    home: ById<Arc<ScopeCore>>,
}

#[derive(Clone)]
pub(crate) enum Served {
    Thread(Arc<Record>),
    Group(Arc<ScopeCore>),
}

struct Told {
    what: Served,
    share_end: Option<Instant>,
    overdue: bool,
}

/// What is to be done next; it has been noted as done.
pub(crate) enum Next {
    /// Its share ends then.
    Tell(Served, Option<Instant>),
    Overdue(Arc<Record>),
    Wait(Option<Instant>),
    Home,
}

impl Served {
    fn group(&self) -> Option<&Arc<ScopeCore>> {
        match self {
            Served::Group(group) => Some(group),
            Served::Thread(_) => None,
        }
    }
}

impl Services {
    pub(crate) fn add(&mut self, id: u64, what: Served) {
        self.waiting.insert(id, what);
    }

    /// To be dropped when the lock is free.
    pub(crate) fn remove(&mut self, id: u64) -> Option<Served> {
        let told = |services: &mut Self| services.told.remove(id).map(|told| told.what);
        let home = |services: &mut Self| services.home.remove(id).map(Served::Group);
        self.waiting.remove(id).or_else(|| told(self)).or_else(|| home(self))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.told.is_empty() && self.home.is_empty()
    }

    /// When the share of this one ends, if it was told.
    pub(crate) fn share_end(&self, id: u64) -> Option<Instant> {
        self.told.get(id)?.share_end
    }

    /// The last made first: each is told when all later ones are home or overdue. So those that were told are the youngest, and
    /// only the oldest of them may have time left. `end` is that of the grace.
    pub(crate) fn next(&mut self, now: Instant, end: Option<Instant>) -> Next {
        if let Some(told) = self.told.first_mut().filter(|oldest| !oldest.overdue) {
            // The end may have moved earlier since it was told.
            let due = told.share_end.into_iter().chain(end).min();
            if due.is_none_or(|due| now < due) {
                return Next::Wait(due);
            }
            told.overdue = true;
            if let Served::Thread(record) = &told.what {
                return Next::Overdue(Arc::clone(record));
            }
        }
        let left = self.waiting.len();
        match self.waiting.pop_last() {
            Some((id, what)) => {
                let share_end = end.map(|end| share(now, end, left));
                self.told.insert(id, Told { what: what.clone(), share_end, overdue: false });
                Next::Tell(what, share_end)
            }
            None if self.told.is_empty() => Next::Home,
            None => Next::Wait(None),
        }
    }

    /// The groups that have been told and are not home.
    pub(crate) fn told_groups(&self) -> Vec<Arc<ScopeCore>> {
        self.told.values().filter_map(|told| told.what.group()).cloned().collect()
    }

    /// The threads of this group are home; it stays until it has been settled.
    pub(crate) fn set_home(&mut self, group: &Arc<ScopeCore>) -> Option<Served> {
        let told = self.told.remove(group.id)?;
        self.home.insert(group.id, Arc::clone(group));
        Some(told.what)
    }

    /// The youngest group, wherever it stands.
    pub(crate) fn last_group(&self) -> Option<Arc<ScopeCore>> {
        let waiting = self.waiting.values().rev().find_map(Served::group);
        let told = self.told.values().rev().find_map(|told| told.what.group());
        let home = self.home.values().next_back();
        [waiting, told, home].into_iter().flatten().max_by_key(|group| group.id).cloned()
    }
}
