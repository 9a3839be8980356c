//! Owns looks at threads that never come home, and the checks of what was seen.
//! Refuses to know which threads there are.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::sleeps::Sleep;
use crate::common::*;
use homebound::{Examine, Scope, Snapshot, Stack, Stacks, ThreadStatus};

/// Runs the body of a scope whose threads never come home, and ends the process with 0 if the
/// checks hold.
pub(super) fn checked<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    checks: impl FnOnce(&'scope Scope<'scope, 'env>),
) -> ! {
    let held = catch_unwind(AssertUnwindSafe(|| checks(scope)));
    std::process::exit(i32::from(held.is_err()))
}

pub(super) fn asleep() -> Examine {
    Examine::new().kernel().stacks(Stacks::Asleep).within(Duration::from_secs(30))
}

#[track_caller]
pub(super) fn row(snapshot: &Snapshot, name: &str) -> ThreadStatus {
    let rows = all_threads(snapshot).into_iter();
    rows.into_iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no {name}: {snapshot}"))
}

pub(super) fn has(stack: &Stack, function: &str) -> bool {
    stack.frames.iter().any(|frame| frame.function.as_deref().is_some_and(|name| name.ends_with(function)))
}

/// Looks until each sleeping thread sleeps where it sleeps for good.
#[track_caller]
pub(super) fn settled(scope: &Scope<'_, '_>, sleeps: &[Sleep]) -> Snapshot {
    let begin = Instant::now();
    loop {
        let snapshot = scope.examine(asleep());
        let row = |name: &&str| row(&snapshot, name);
        let is_there = |row: &ThreadStatus| row.stack.as_ref().is_some_and(|stack| has(stack, &row.name));
        let away: Vec<_> = sleeps.iter().map(|(name, _)| row(name)).filter(|row| !is_there(row)).collect();
        if away.is_empty() {
            return snapshot;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{away:#?}");
        linger(1);
    }
}
