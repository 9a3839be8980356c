//! Owns what a dump tells of a wait that is not homebound's: the call, its arguments, the thread
//! that would end the wait.
//! Refuses to pin a layout.
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(pass(..))` reads well as the last word of a body
#![allow(unsafe_code)] // the calls of libc in which threads get stuck

mod ed1_arguments;
mod ed2_refused;
mod ed3_waits;
mod ed4_known;
mod ed5_far;
mod ed5_guessed;
mod ed5_property;
mod ed5_shared;

use std::time::Duration;

use homebound::{Edge, Examine, Result, Scope, Snapshot, Stacks, ThreadStatus, scope_named};

use crate::common::*;

/// The end of a closure whose call has returned, which none does in these scenarios.
fn over(_: impl Sized) -> Result {
    Ok(())
}

/// What a child does in its scope.
type Scenario = for<'scope, 'env> fn(&'scope Scope<'scope, 'env>) -> Result;

/// Runs a scenario in a child, which ends in the middle because its threads never do.
#[track_caller]
fn shown(scenario: Scenario) {
    // A function pointer has no room for the scenario, so it goes through a cell of the child.
    std::thread_local!(static SCENARIO: std::cell::Cell<Option<Scenario>> = const { std::cell::Cell::new(None) });
    SCENARIO.set(Some(scenario));
    child_passes(|_| {
        let scenario = SCENARIO.get().expect("set above");
        let result = scope_named("shop", |s| {
            scenario(s)?;
            // The threads are stuck for ever.
            std::process::exit(0)
        });
        result.map_or(1, |()| 1)
    });
}

/// A look that has time on a busy machine.
fn look(s: &Scope<'_, '_>, stacks: Stacks) -> Snapshot {
    s.examine(Examine::new().kernel().stacks(stacks).within(Duration::from_secs(20)))
}

/// The row of a thread.
fn row(snapshot: &Snapshot, name: &str) -> ThreadStatus {
    all_threads(snapshot)
        .into_iter()
        .find(|row| row.name == name)
        .unwrap_or_else(|| panic!("no {name} in {snapshot}"))
}

/// The holder of the lock for which a thread waits, as far as it is told.
fn holder(snapshot: &Snapshot, name: &str) -> Option<Edge> {
    row(snapshot, name).waits_for.into_iter().find(|edge| edge.lock.is_some())
}

/// Looks until a thread is told to wait for a lock of another.
fn until_held(s: &Scope<'_, '_>, waiter: &str, holder_path: &str) -> Snapshot {
    let end = std::time::Instant::now() + LIMIT;
    loop {
        let snapshot = look(s, Stacks::Asleep);
        if holder(&snapshot, waiter).is_some_and(|edge| edge.path == holder_path) {
            return snapshot;
        }
        let stack = row(&snapshot, waiter).stack.as_ref().map(|stack| format!("{stack:#}"));
        assert!(std::time::Instant::now() < end, "{snapshot}{stack:?}");
        linger(5);
    }
}

/// Looks until a thread sleeps in a lock.
fn until_locked(s: &Scope<'_, '_>, waiter: &str) {
    eventually("it waits for the lock", || {
        let dump = look(s, Stacks::Off);
        row(&dump, waiter).kernel.as_ref().is_some_and(|kernel| kernel.call.as_deref() == Some("futex"))
    });
}
