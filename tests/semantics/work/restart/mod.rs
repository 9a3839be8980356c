//! RS: threads that run again after their end, by a policy of their own.

mod ends;
mod runs;
mod sight;
mod starts;
mod stops;

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use homebound::{Restart, Result};

/// Again at once, as often as it fails.
fn at_once() -> Restart {
    Restart::on_failure().no_backoff().for_ever()
}

/// The error of a run that is not the last.
fn again<T>() -> Result<T> {
    Err("once more")?
}

/// A thread-local whose destructor counts.
struct Local<'a>(&'a AtomicUsize);

impl Drop for Local<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

std::thread_local! {
    static LOCAL: RefCell<Option<Local<'static>>> = const { RefCell::new(None) };
}

/// Leaves a thread-local on the calling OS thread, whose destructor raises `count`.
fn leave_local(count: &'static AtomicUsize) {
    LOCAL.with(|local| *local.borrow_mut() = Some(Local(count)));
}
