//! Owns the order in which a look goes through the threads: the most interesting ones first,
//! because the time may not do for all.
//! Refuses to ask about a thread.

use crate::outcome::status::snapshot::{ScopeStatus, ThreadState, ThreadStatus};
use crate::rt::order::sort_by_key;

/// All threads of the tree that have an OS thread, by their interest, and in the order of the tree
/// among equals.
pub(super) fn by_interest(root: &mut ScopeStatus) -> Vec<&mut ThreadStatus> {
    let (mut rows, mut list) = (Vec::new(), vec![root]);
    while let Some(scope) = list.pop() {
        rows.extend(scope.threads.iter_mut().filter(|row| row.os_tid.is_some()));
        // Reversed, because the list is emptied from its end.
        list.extend(scope.scopes.iter_mut().rev());
    }
    sort_by_key(&mut rows, |row| interest(row));
    rows
}

/// The smaller, the more interesting.
fn interest(row: &ThreadStatus) -> u8 {
    match row {
        // First of all: a thread that is late is the likely reason for the look.
        _ if row.overdue_for.is_some() => 0,
        _ if is_in_wait(row) => 3,
        _ if row.stopping_for.is_some() || row.starting_for.is_some() => 1,
        _ => 2,
    }
}

/// True if homebound knows what the thread waits for. The kernel could only say less.
pub(super) fn is_in_wait(row: &ThreadStatus) -> bool {
    row.wait.is_some_and(|wait| !wait.outside)
}

/// True if the thread is still there, as far as the tree knows.
pub(super) fn is_live(row: &ThreadStatus) -> bool {
    !matches!(row.state, ThreadState::Ended | ThreadState::Down)
}
