//! Owns the two numbers of the calling OS thread: the kernel's, and one of our own.
//! Refuses to know what runs on it.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::local::*;
use crate::sys;

per_thread! {
    static RUN: Cell<u64> = const { Cell::new(0) };
    static KERNEL_ID: Cell<Option<u32>> = const { Cell::new(None) };
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Counts OS threads, not jobs: tells who would wait for whom.
pub(crate) fn number() -> u64 {
    let id = RUN.try_with(|run| {
        if run.get() == 0 {
            run.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        run.get()
    });
    id.unwrap_or(0)
}

/// The kernel's id of the calling thread, asked once.
pub(crate) fn kernel_id() -> Option<u32> {
    let known = KERNEL_ID.try_with(|id| {
        if id.get().is_none() {
            id.set(sys::thread_id());
        }
        id.get()
    });
    known.ok().flatten()
}
