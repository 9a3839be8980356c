//! Owns the containment of panics: no closure, value or payload of the program's unwinds past this
//! file.
//! Refuses to know scopes and threads. It returns the payload, and its callers make a failure of
//! it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::sync::locks::assert_none_held;
use crate::sys;

/// The value that a panic carried.
pub(crate) type Payload = Box<dyn Any + Send + 'static>;

/// Runs `f`, and returns the payload if it panics.
///
/// All code of the program's that our threads run is run by this function, with no lock of ours
/// held. If `f` forks and comes back in the child as well, the child is ended: the threads that it
/// would wait for do not exist there, and the waiting threads of the parent do not wait for the
/// child.
pub(crate) fn contain<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    assert_none_held();
    // In the child the count is one more after `f` than before.
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

/// Drops `value`. If its `Drop` panics, returns that payload.
pub(crate) fn drop_contained<T>(value: T) -> Option<Payload> {
    contain(move || drop(value)).err()
}

/// Drops values that are not handed out, each for itself: two of them that panic would abort the
/// process if a `Vec` dropped them. `raised` gets the payloads.
pub(crate) fn drop_each<T, R>(values: impl IntoIterator<Item = T>, raised: impl FnMut(Payload) -> R) {
    values.into_iter().filter_map(drop_contained).map(raised).for_each(drop);
}

/// Drops a payload. If its `Drop` panics, the payload of that panic is leaked, because dropping it
/// could panic again, without end (X2).
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

/// Runs a call of `tracing`. The subscriber is the program's, so a panic of it ends here.
pub(crate) fn log_contained(f: impl FnOnce()) {
    let mut f = Some(f);
    call_contained(&mut || f.take().into_iter().for_each(|f| f()));
}

/// Compiled once for all calls.
fn call_contained(f: &mut dyn FnMut()) {
    if let Err(payload) = contain(f) {
        discard(payload);
    }
}

/// Returns the text that a panic carried, if it carried one.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// Returns the text of a panic, or a text that stands for a payload without one.
pub(crate) fn message(payload: &Payload) -> &str {
    text_of(&**payload).unwrap_or("a panic whose payload is no text")
}

/// Ends the process when it is dropped, with this text. It guards the stretch in which a scope owes
/// its threads something. The end of that stretch calls `defuse`, so only unwinding drops the guard
/// (invariant 4).
#[derive(Debug)]
pub(crate) struct AbortOnUnwind(pub(crate) &'static str);

impl AbortOnUnwind {
    /// The guarded stretch is over: nothing is owed any more.
    pub(crate) fn defuse(self) {
        std::mem::forget(self);
    }
}

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        sys::die(self.0);
    }
}
