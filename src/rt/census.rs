//! Owns what is told of the OS threads of a root: which there are, which of them idle, which are on their way out.
//! Refuses to change anything.

use super::cache::Cache;
use super::seat::{Name, Title};

impl Cache {
    /// How many threads were asked for and have not told their kernel ids.
    pub(crate) fn starting(&self) -> usize {
        self.look(|seat| seat.kernel_id().is_none().then_some(())).len()
    }

    /// Kernel ids of the threads that are not joined yet.
    pub(crate) fn kernel_ids(&self) -> Vec<u32> {
        self.look(|seat| seat.kernel_id())
    }

    /// Kernel ids, last names and last titles of the threads that are on their way out, and not joined.
    pub(crate) fn ending_threads(&self) -> Vec<(u32, Name, Title)> {
        self.look(|seat| {
            let id = seat.kernel_id().filter(|_| seat.is_ending())?;
            Some((id, seat.name().clone(), seat.title()))
        })
    }

    /// Kernel ids and last names of the threads that are idle.
    pub(crate) fn idle_threads(&self) -> Vec<(u32, Name)> {
        self.look(|seat| Some((seat.kernel_id().filter(|_| seat.is_idle())?, seat.name().clone())))
    }
}
