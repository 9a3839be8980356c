//! Owns the services and groups of a scope, in the order in which they are told to stop.
//! Refuses to tell a service, and to lock: `shutdown::order` does.
//!
//! ```text
//! waiting --(all later ones are home or overdue)--> told --(share over)--> told and overdue
//! told --(a group whose threads are home, and which no driver has settled)--> home
//! any  --(a thread is home, a group is settled)--> out of the list
//! ```
//!
//! Thousands of services may end one after the other, so no step looks at all of them.

use std::sync::Arc;
use std::time::Instant;

use crate::rt::by_id::ById;
use crate::tree::core::ScopeCore;
use crate::tree::grace::share;
use crate::tree::record::Record;

/// Services and groups that are not over, by age. A thread leaves when it is home, a group when it
/// has been settled. Read and written under the scope's lock.
#[derive(Default)]
pub(crate) struct Services {
    /// Not told yet.
    waiting: ById<Served>,
    /// Told, and not home: by [`youngest_first`].
    told: ById<Told>,
    /// Groups whose threads are home, and which are not settled: by [`youngest_first`].
    home: ById<Arc<ScopeCore>>,
}

/// The key of a member in a list to which the youngest comes first, so that each entry is added at
/// the end of the list.
fn youngest_first(id: u64) -> u64 {
    !id
}

/// A member of the list: the scope tells both kinds in the same order.
#[derive(Clone)]
pub(crate) enum Served {
    Thread(Arc<Record>),
    Group(Arc<ScopeCore>),
}

struct Told {
    what: Served,
    /// When its share of the grace ends; `None` without a grace.
    share_end: Option<Instant>,
    /// True when its share is over, so that the next member may be told.
    overdue: bool,
}

/// The next step of the driver. The list has noted it as done, so no other driver does it.
pub(crate) enum Next {
    /// Tell it, with the end of its share.
    Tell(Served, Option<Instant>),
    /// Mark it overdue.
    Overdue(Arc<Record>),
    /// Look again then, or when there is a change.
    Wait(Option<Instant>),
    /// All of them are home.
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
    /// Enters a service as *waiting*.
    pub(crate) fn add(&mut self, id: u64, what: Served) {
        self.waiting.insert(id, what);
    }

    /// Takes a member out, wherever it stands. The caller drops it without the lock.
    pub(crate) fn remove(&mut self, id: u64) -> Option<Served> {
        let told = |services: &mut Self| services.told.remove(youngest_first(id)).map(|told| told.what);
        let home = |services: &mut Self| services.home.remove(youngest_first(id)).map(Served::Group);
        self.waiting.remove(id).or_else(|| told(self)).or_else(|| home(self))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.told.is_empty() && self.home.is_empty()
    }

    /// When the share of this service ends, if it was told.
    pub(crate) fn share_end(&self, id: u64) -> Option<Instant> {
        self.told.get(youngest_first(id))?.share_end
    }

    /// Chooses the next step, the last made first: a member is told when all later ones are home or
    /// overdue. So the told members are the youngest, and only the oldest of them may have time
    /// left. `end` is the end of the grace.
    pub(crate) fn next(&mut self, now: Instant, end: Option<Instant>) -> Next {
        if let Some(told) = self.told.last_mut().filter(|oldest| !oldest.overdue) {
            // The end of the grace may have moved earlier since it was told.
            let due = told.share_end.into_iter().chain(end).min();
            if due.is_none_or(|due| now < due) {
                return Next::Wait(due);
            }
            // Told to overdue: its share is over, so that the next one need not wait for it (E3).
            told.overdue = true;
            // A group marks its own threads, by its own clock.
            if let Served::Thread(record) = &told.what {
                return Next::Overdue(Arc::clone(record));
            }
        }
        let left = self.waiting.len();
        match self.waiting.pop_last() {
            Some((id, what)) => {
                // The share is computed anew for each, from the time that is left and the number
                // not told yet.
                let share_end = end.map(|end| share(now, end, left));
                // Waiting to told: all later ones are home or overdue. The caller marks the node
                // without the lock.
                self.told.insert(youngest_first(id), Told { what: what.clone(), share_end, overdue: false });
                Next::Tell(what, share_end)
            }
            None if self.told.is_empty() => Next::Home,
            None => Next::Wait(None),
        }
    }

    /// Groups that were told and are not home. A driver takes the steps of each.
    pub(crate) fn told_groups(&self) -> Vec<Arc<ScopeCore>> {
        self.told.values().filter_map(|told| told.what.group()).cloned().collect()
    }

    /// Told to home: the threads of this group are home, and it stays in the list until it is
    /// settled.
    pub(crate) fn set_home(&mut self, group: &Arc<ScopeCore>) -> Option<Served> {
        let told = self.told.remove(youngest_first(group.id))?;
        self.home.insert(youngest_first(group.id), Arc::clone(group));
        Some(told.what)
    }

    /// The youngest group in the list, whatever its state.
    pub(crate) fn last_group(&self) -> Option<Arc<ScopeCore>> {
        let waiting = self.waiting.values().rev().find_map(Served::group);
        let told = self.told.values().find_map(|told| told.what.group());
        let home = self.home.values().next();
        [waiting, told, home].into_iter().flatten().max_by_key(|group| group.id).cloned()
    }
}
