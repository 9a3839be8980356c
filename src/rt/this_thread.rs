//! Owns the two numbers of the calling OS thread: the kernel's id, and a number of our own.
//! Refuses to know what runs on it.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::local::*;
use crate::sys;

per_thread! {
    /// Our own number of this thread, from 1; 0 until `number` is first called.
    static RUN: Cell<u64> = const { Cell::new(0) };
    /// The kernel's id of this thread; `None` until `kernel_id` is first called, or where the
    /// system has none.
    static KERNEL_ID: Cell<Option<u32>> = const { Cell::new(None) };
}

/// The next number that `number` gives out. Only uniqueness counts, so `Relaxed` is enough.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Returns the number of the calling OS thread, which is the same for all routines that it runs.
/// The search for deadlocks compares threads by it. 0 if the thread-locals of the thread are gone
/// already.
pub(crate) fn number() -> u64 {
    let id = RUN.try_with(|run| {
        if run.get() == 0 {
            run.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        run.get()
    });
    id.unwrap_or(0)
}

/// Returns the kernel's id of the calling thread, and asks the kernel only once. `None` if the
/// system has none, or if the thread-locals of the thread are gone already.
pub(crate) fn kernel_id() -> Option<u32> {
    let known = KERNEL_ID.try_with(|id| {
        if id.get().is_none() {
            id.set(sys::thread_id());
        }
        id.get()
    });
    known.ok().flatten()
}
