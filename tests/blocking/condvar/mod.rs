//! Owns the waits at condition variables: none misses its stop, whichever thread holds the mutex,
//! and no thread uses the mutex after the wait.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod crowd;
mod ends;
mod faults;
mod missed;
mod shared;
mod threads;
mod waits;

use std::time::Duration;

use crate::common::*;
use homebound::{Context, Handle, Result, Scope, Stopped, ThreadState};
use parking_lot::{Condvar, Mutex};

/// So long a mutex is held in tests in which nothing may happen meanwhile.
const A_WHILE: Duration = Duration::from_millis(50);
/// So long many rounds may take.
const A_TIME: Duration = Duration::from_secs(5);

/// A mutex and its condvar, as a program has them.
#[derive(Default)]
struct Place {
    ready: Mutex<bool>,
    changed: Condvar,
}

impl Place {
    /// Waits until it is ready, or for the stop. The guard must hold the mutex on the way out.
    fn wait(&self, cx: &Context) -> Result<(), Stopped> {
        let mut ready = self.ready.lock();
        let result = cx.wait_while(&self.changed, &mut ready, |ready| !*ready);
        assert!(self.ready.try_lock().is_none(), "the guard holds the mutex");
        assert!(result.is_err() || *ready, "the condition is false");
        result
    }

    fn set(&self) {
        *self.ready.lock() = true;
        self.changed.notify_all();
    }
}

fn waits(state: &ThreadState) -> bool {
    matches!(state, ThreadState::Waiting { what: "condvar", .. })
}

/// Returns when so many threads of the scope wait at condvars, as they themselves say.
fn until_waiting(s: &Scope<'_, '_>, count: usize) {
    eventually("all wait", || s.active_threads().iter().filter(|t| waits(&t.state)).count() == count);
}

fn spawn<'s>(s: &'s Scope<'s, '_>, place: &'s Place) -> Result<Handle<'s, ()>> {
    Ok(s.spawn("waiter", "waits at a condvar", |cx| Ok(place.wait(cx)?))?)
}

/// Home because of the stop, within the limit of a test.
#[track_caller]
fn assert_stopped(handle: Handle<'_, ()>) {
    let joined = handle.join_timeout(LIMIT).expect("it hears the stop");
    assert!(matches!(joined, Err(homebound::JoinError::Stopped(_))), "{joined:?}");
}
