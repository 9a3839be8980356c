//! Owns the mark and the warning of a thread whose share of the grace has passed.
//! Refuses to decide when a share has passed: `order` does.

use std::sync::Arc;

use crate::rt::awake;
use crate::rt::contain::log_contained;
use crate::rt::shown::{Shown, shown};
use crate::shutdown::hangs;
use crate::sight::warning::Seen;
use crate::stop::calls::Calls;
use crate::tree::record::Record;
use crate::tree::root::{LogEntry, WorkItem};

/// Marks a thread overdue: its shields end, the scopes whose bodies it runs have no time left, and
/// a warning names it. Runs no code of the program's: the caller runs the calls that this returns.
pub(crate) fn mark(record: &Arc<Record>) -> Calls {
    let first = record.life(|life| life.rare().overdue_since.replace(awake::now()).is_none());
    if !first {
        return Calls::default();
    }
    let mut calls = record.node.mark_through_shields(record.core.node.cause());
    for core in record.opened() {
        let root = &core.root;
        core.wake_drivers();
        // The thread runs the body of this scope. If the body never returns, the exit path never
        // drives the scope, so *stopper* does.
        root.dispatch(WorkItem::Drive(Arc::clone(&core)));
    }
    let late = Arc::clone(record);
    if record.core.root.is_registry() {
        record.core.root.dispatch(WorkItem::Log(LogEntry::Overdue(late)));
    } else {
        // The driver of a standalone scope is a thread of the program's, which may run a
        // subscriber.
        calls.add(Calls::log(move || warn(&late, hangs::look)));
    }
    calls
}

/// Logs that a thread is overdue. The subscriber is the program's code, so this runs on *stopper*,
/// or on the thread that drives a standalone scope. `look` is a parameter because a registry has
/// the code of looks in any case, and a standalone scope only with the feature `hangs`.
pub(crate) fn warn(record: &Record, look: fn(&Record) -> Seen) {
    if record.has_ended() {
        return;
    }
    let last_wait = record.wait().map(|wait| Shown(wait).to_string()).unwrap_or_default();
    let seen = look(record);
    log_contained(|| {
        tracing::error!(
            target: "homebound::shutdown",
            path = &*shown(record.path()),
            thread.name = &*shown(&record.label.name),
            thread.id = record.id.0,
            purpose = &*shown(&record.label.purpose),
            spawned_from = %record.label.at,
            last_wait,
            kernel_wait = seen.kernel_wait,
            system_call = &*shown(&seen.system_call),
            stack = &*shown(&seen.stack),
            "overdue: asked to stop, and its share of the grace has passed"
        );
    });
}
