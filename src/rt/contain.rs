//! Owns the containment of panics: nothing that a user's closure, value or payload does unwinds past this file.
//! Refuses to know scopes and threads; it hands the payload back, and others make a failure of it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::sync::locks::assert_none_held;
use crate::sys;

/// What a panic carried.
pub(crate) type Payload = Box<dyn Any + Send + 'static>;

/// Runs `f`, and returns the payload if it panics.
///
/// All code of the user's that threads of ours run is run here. If it forks, and comes back in the child as well, the child
/// must not go on: it has none of the threads that it would wait for, and is not the one that others wait for. No lock of ours is
/// held meanwhile.
pub(crate) fn contain<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    assert_none_held();
    let forks = sys::forks();
    let ran = catch_unwind(AssertUnwindSafe(f));
    if sys::forks() != forks {
        die_in_child();
    }
    ran
}

#[cold]
fn die_in_child() -> ! {
    sys::die(
        "homebound: code that runs in a scope came back in a forked child, where the threads of its scopes do not exist; \
         after fork only exec and _exit are allowed",
    )
}

/// Drops `value`; if its `Drop` panics, returns that payload.
pub(crate) fn drop_contained<T>(value: T) -> Option<Payload> {
    contain(move || drop(value)).err()
}

/// Drops a payload. One raised while doing so is leaked: dropping it could raise another, without end.
pub(crate) fn discard(payload: impl Into<Option<Payload>>) {
    if let Some(payload) = payload.into() {
        drop_payload(payload);
    }
}

#[cold]
fn drop_payload(payload: Payload) {
    if let Some(raised) = drop_contained(payload) {
        std::mem::forget(raised);
    }
}

/// Runs a call of `tracing`: the subscriber is the user's, and what it raises ends here.
pub(crate) fn log_contained(f: impl FnOnce()) {
    if let Err(payload) = contain(f) {
        discard(payload);
    }
}

/// The text of a panic, where it has one.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// What a panic is called, whatever its payload.
pub(crate) fn message(payload: &Payload) -> &str {
    text_of(&**payload).unwrap_or("a panic whose payload is no text")
}

/// Aborts the process when it is dropped: guards the stretch in which a scope owes its threads. Whoever gets through
/// that stretch calls `defuse`; so only unwinding drops it.
#[derive(Debug)]
pub(crate) struct AbortOnUnwind(pub(crate) &'static str);

impl AbortOnUnwind {
    pub(crate) fn defuse(self) {
        std::mem::forget(self);
    }
}

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        sys::die(self.0);
    }
}
