//! Owns the views of a root's OS threads: all, those that idle, those on their way out.
//! Refuses to change anything.

use super::thread_cache::ThreadCache;
use super::title::{Name, Title};

impl ThreadCache {
    /// Returns the number of threads that the OS was asked for and that have not stored their
    /// kernel ids yet.
    pub(crate) fn starting(&self) -> usize {
        self.look(|os_thread| os_thread.kernel_id().is_none().then_some(())).len()
    }

    /// Returns the kernel ids of the threads that are not joined yet.
    pub(crate) fn kernel_ids(&self) -> Vec<u32> {
        self.look(|os_thread| os_thread.kernel_id())
    }

    /// Returns the kernel ids of the threads that are not joined yet, each with an address on the
    /// thread's stack, further out than all routines.
    pub(crate) fn stacks(&self) -> Vec<(u32, u64)> {
        self.look(|os_thread| Some((os_thread.kernel_id()?, os_thread.stack_at())))
    }

    /// Returns the kernel ids, last names and last titles of the threads that are on their way out
    /// and not joined yet.
    pub(crate) fn ending_threads(&self) -> Vec<(u32, Name, Title)> {
        self.look(|os_thread| {
            let id = os_thread.kernel_id().filter(|_| os_thread.is_ending())?;
            Some((id, os_thread.name().clone(), os_thread.title().get()))
        })
    }

    /// Returns the kernel ids and last names of the idle threads. Reads their list and not all
    /// threads, because spawners wait for the lock meanwhile.
    pub(crate) fn idle_threads(&self) -> Vec<(u32, Name)> {
        let state = self.state.lock();
        let idle = state.idle.values();
        idle.filter_map(|os_thread| Some((os_thread.kernel_id()?, os_thread.name().clone()))).collect()
    }
}
