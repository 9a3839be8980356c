//! Owns the list of idle threads, by age, with the limit on their number.
//! Refuses to wake them.

use std::sync::Arc;

use super::by_id::ById;
use super::options::ThreadOptions;
use super::os_thread::OsThread;

/// The smallest limit on the number of idle threads. The limit is twice the number of threads that
/// can run at once, if that is more.
const AT_LEAST: usize = 64;

/// Every OS thread in it is `Standing::Idle` under its age. The thread that takes an OS thread out
/// has claimed it, and owes it a `give`. All of it is guarded by the lock of the cache's state.
#[derive(Default)]
pub(super) struct Idle {
    /// By the number under which each began to idle, so the first has been idle for longest. The
    /// limit keeps the list short enough to be searched.
    by_age: ById<Arc<OsThread>>,
    /// The age that the next thread gets. It only grows.
    next_age: u64,
}

impl Idle {
    /// Adds an OS thread. If there are too many then, claims and returns the one that has been idle
    /// for longest. `width`: the number of threads that can run at once.
    pub(super) fn add(&mut self, os_thread: &Arc<OsThread>, width: usize) -> Option<Arc<OsThread>> {
        // Working -> idle. From here on a spawner may claim it.
        os_thread.set_idle(self.next_age);
        self.by_age.insert(self.next_age, Arc::clone(os_thread));
        self.next_age += 1;
        let crowded = self.by_age.len() > AT_LEAST && self.by_age.len() > width.saturating_mul(2);
        if crowded { self.take_oldest() } else { None }
    }

    /// Claims and returns the idle thread that has been idle for longest.
    pub(super) fn take_oldest(&mut self) -> Option<Arc<OsThread>> {
        let oldest = self.by_age.values().next().cloned();
        oldest.filter(|os_thread| self.remove(os_thread))
    }

    /// Claims and returns an idle thread of this name and these options, if there is one. Of
    /// several, the thread that began to idle last, because its stack is the warmest.
    pub(super) fn take(&mut self, name: &str, make: &ThreadOptions) -> Option<Arc<OsThread>> {
        if make.is_alone() {
            return None;
        }
        let is_like = |other: &&Arc<OsThread>| {
            other.options().stack_size() == make.stack_size() && other.name().as_ref() == name
        };
        let os_thread = Arc::clone(self.by_age.values().rfind(is_like)?);
        self.remove(&os_thread).then_some(os_thread)
    }

    /// Takes this OS thread out. True if it was there: then the caller has claimed it.
    pub(super) fn remove(&mut self, os_thread: &Arc<OsThread>) -> bool {
        // Idle -> claimed.
        os_thread.claim().is_some_and(|age| self.by_age.remove(age).is_some())
    }

    /// All of them; the first has been idle for longest.
    pub(super) fn values(&self) -> impl Iterator<Item = &Arc<OsThread>> {
        self.by_age.values()
    }

    /// Claims and returns all of them.
    pub(super) fn take_all(&mut self) -> Vec<Arc<OsThread>> {
        let os_threads = std::mem::take(&mut self.by_age).into_values();
        os_threads.filter(|os_thread| os_thread.claim().is_some()).collect()
    }
}
