//! Owns what is told of the OS threads of a root: which there are, which of them idle, which are on their way out.
//! Refuses to change anything.

use super::os_thread::{Name, Title};
use super::thread_cache::ThreadCache;

impl ThreadCache {
    /// How many threads were asked for and have not told their kernel ids.
    pub(crate) fn starting(&self) -> usize {
        self.look(|os_thread| os_thread.kernel_id().is_none().then_some(())).len()
    }

    /// Kernel ids of the threads that are not joined yet.
    pub(crate) fn kernel_ids(&self) -> Vec<u32> {
        self.look(|os_thread| os_thread.kernel_id())
    }

    /// Kernel ids, last names and last titles of the threads that are on their way out, and not joined.
    pub(crate) fn ending_threads(&self) -> Vec<(u32, Name, Title)> {
        self.look(|os_thread| {
            let id = os_thread.kernel_id().filter(|_| os_thread.is_ending())?;
            Some((id, os_thread.name().clone(), os_thread.title()))
        })
    }

    /// Kernel ids and last names of the threads that are idle.
    pub(crate) fn idle_threads(&self) -> Vec<(u32, Name)> {
        self.look(|os_thread| {
            Some((os_thread.kernel_id().filter(|_| os_thread.is_idle())?, os_thread.name().clone()))
        })
    }
}
