//! Owns what was read of the threads shortly before the last words, and its place in them.
//! Refuses to read anything itself.

use crate::outcome::status::outside::{EndingThread, ForeignThread};
use crate::outcome::status::snapshot::{Snapshot, ThreadStatus};
use crate::rt::index::Index;
use crate::sight::rows;

/// Puts what `early` has read of each thread into `snapshot`, which was read later, and has read
/// the tree alone. A thread that has come home in between is not in `snapshot`.
pub(super) fn add(early: Snapshot, snapshot: &mut Snapshot) {
    let Snapshot { mut root, foreign, ending, limits, cycles, .. } = early;
    let mut known: Index<_> = rows::by_interest(&mut root).into_iter().map(|row| (row.id.0, row)).collect();
    for row in rows::by_interest(&mut snapshot.root) {
        // A thread that runs again may be on another OS thread, which the look has not read.
        if let Some(before) = known.remove(row.id.0).filter(|before| before.os_tid == row.os_tid) {
            take(before, row);
        }
    }
    let mut foreign: Index<_> = foreign.into_iter().map(|row| (row.os_tid.into(), row)).collect();
    for row in &mut snapshot.foreign {
        if let Some(ForeignThread { stack, no_stack, .. }) = foreign.remove(row.os_tid.into()) {
            (row.stack, row.no_stack) = (stack, no_stack);
        }
    }
    let mut ending: Index<_> = ending.into_iter().map(|row| (row.os_tid.into(), row)).collect();
    for row in &mut snapshot.ending {
        let before = ending.remove(row.os_tid.into());
        if let Some(EndingThread { run_state, kernel, stack, no_stack, .. }) = before {
            (row.run_state, row.kernel) = (run_state, kernel);
            (row.stack, row.no_stack) = (stack, no_stack);
        }
    }
    snapshot.limits.extend(limits);
    snapshot.cycles = cycles;
}

fn take(before: &mut ThreadStatus, row: &mut ThreadStatus) {
    // The thread has begun this wait after the early look, so what was read does not belong to the
    // wait.
    if row.wait.is_some() && row.wait != before.wait {
        return;
    }
    (row.run_state, row.cpu, row.asleep_for) = (before.run_state, before.cpu, before.asleep_for);
    row.kernel = before.kernel.take();
    (row.stack, row.no_stack) = (before.stack.take(), before.no_stack.take());
    // A wait of homebound's has its edge in the tree. The holder of a lock was looked for before.
    if row.wait.is_none() {
        row.waits_for = std::mem::take(&mut before.waits_for);
        row.wants = before.wants.take();
    }
}
