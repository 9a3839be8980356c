//! What is built on threads: readiness, restarts, joiners, pools.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod bombs;
mod join_set;
mod join_set_jobs;
mod join_set_waits;
mod keep;
mod map;
mod map_ends;
mod map_stream;
mod pool;
mod race;
mod ready;
mod restart;
mod retry;
mod supervisor;

use homebound::{Role, Scope, ThreadState, ThreadStatus};

use crate::common::*;

/// Waits until the thread `name` of the scope is in the wait `what`. The body is `(body)`.
fn waits_of(s: &Scope<'_, '_>, name: &str, what: &str) -> ThreadStatus {
    let mut found = None;
    eventually(&format!("{name} waits: {what}"), || {
        found = all_threads(&s.snapshot()).into_iter().find(|row| {
            let is_named = if row.role == Role::Body { name == "(body)" } else { row.name == name };
            is_named && matches!(row.state, ThreadState::Waiting { what: seen, .. } if seen == what)
        });
        found.is_some()
    });
    found.expect("seen")
}

/// Holds for a value that other threads may use.
fn shared<T: Send + Sync>(_: &T) {}
