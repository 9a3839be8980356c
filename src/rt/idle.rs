//! Owns the list of idle threads: by name, for those who look for one, and by age, for the limit.
//! Refuses to wake them.

use std::collections::HashMap;
use std::sync::Arc;

use super::by_id::ById;
use super::os_thread::{Name, OsThread, ThreadOptions};
use super::spin::cores;

/// How many stay idle at least, if the processor has few cores.
const AT_LEAST: usize = 64;

/// Every OS thread in it is `Place::Idle` under its age, and in both maps; whoever takes one out has claimed it.
#[derive(Default)]
pub(super) struct Idle {
    /// The last in is the first out: it is the warmest.
    by_name: HashMap<Name, Vec<Arc<OsThread>>>,
    /// The first has been idle for longest.
    by_age: ById<Arc<OsThread>>,
    next_age: u64,
}

impl Idle {
    /// Adds a OS thread; returns the one that has been idle for longest if there are too many.
    pub(super) fn add(&mut self, os_thread: &Arc<OsThread>) -> Option<Arc<OsThread>> {
        os_thread.set_idle(self.next_age);
        self.by_age.insert(self.next_age, Arc::clone(os_thread));
        self.next_age += 1;
        self.by_name.entry(os_thread.name().clone()).or_default().push(Arc::clone(os_thread));
        let crowded = self.by_age.len() > AT_LEAST && self.by_age.len() > 2 * cores();
        let oldest = self.by_age.values().next().filter(|_| crowded).cloned();
        oldest.filter(|os_thread| self.remove(os_thread))
    }

    pub(super) fn take(&mut self, name: &str, make: ThreadOptions) -> Option<Arc<OsThread>> {
        let os_threads = self.by_name.get(name).filter(|_| !make.dedicated)?;
        let os_thread = os_threads.iter().rfind(|os_thread| os_thread.options() == make).cloned()?;
        self.remove(&os_thread).then_some(os_thread)
    }

    /// True if the OS thread was there: then the caller has claimed it.
    pub(super) fn remove(&mut self, os_thread: &Arc<OsThread>) -> bool {
        let Some(os_threads) = self.by_name.get_mut(os_thread.name()) else { return false };
        // The end of the list is where spawners take from.
        let Some(place) = os_threads.iter().rposition(|other| Arc::ptr_eq(other, os_thread)) else {
            return false;
        };
        os_threads.remove(place);
        if os_threads.is_empty() {
            self.by_name.remove(os_thread.name());
        }
        let age = os_thread.claim();
        debug_assert!(age.is_some(), "a listed os_thread is idle");
        age.is_some_and(|age| self.by_age.remove(age).is_some())
    }

    pub(super) fn take_all(&mut self) -> Vec<Arc<OsThread>> {
        self.by_name.clear();
        let os_threads = std::mem::take(&mut self.by_age).into_values();
        os_threads.filter(|os_thread| os_thread.claim().is_some()).collect()
    }
}
