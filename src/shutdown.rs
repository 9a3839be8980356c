//! Owns the call that stops a scope and waits for it with a limit (R1).
//! Refuses to order the stop itself: it drives `exit` like everybody who waits.

use std::sync::Arc;
use std::time::Instant;

use crate::exit::{Driver, drive_until};
use crate::reason::StopReason;
use crate::scope_core::ScopeCore;
use crate::status::{Role, ShutdownReport};
use crate::{current, graph, settle};

pub(crate) fn shutdown(core: &Arc<ScopeCore>, end: Instant, reason: StopReason) -> ShutdownReport {
    let repeated = {
        let mut state = core.lock();
        let repeated = std::mem::replace(&mut state.asked, true);
        state.clock.limit(end);
        repeated
    };
    core.node.stop(reason);
    core.touch();
    core.root.clock_changed();
    if !is_inside(core) {
        // A later call may move the end earlier, also for those who wait already.
        let end = || core.deadline().into_iter().chain(Some(end)).min();
        let waiting = graph::Waiting::on_scope(core);
        if waiting.is_some() {
            drive_until(core, Driver::Other, Some(&end));
        }
    }
    let report = ShutdownReport { repeated, ..settle::report(core) };
    tracing::info!(
        target: "homebound::shutdown",
        scope = core.path(),
        joined = report.joined,
        timeout = report.timeout,
        "shut down"
    );
    report
}

/// From a thread below the scope, a callback or a deferred function: waiting would be waiting for itself.
fn is_inside(core: &Arc<ScopeCore>) -> bool {
    let below = |record: &Arc<crate::record::Record>| {
        let own_body = record.role == Role::Body && Arc::ptr_eq(&record.core, core);
        !own_body && is_thread_below(record, core)
    };
    current::is_guest() || current::records().iter().any(below)
}

/// True if the OS thread that runs `record` is one of the scope's own; a scope that its body opened does not count.
fn is_thread_below(record: &Arc<crate::record::Record>, core: &Arc<ScopeCore>) -> bool {
    let own = record.role != Role::Body;
    own && record.core.around().any(|around| Arc::ptr_eq(around, core))
}
