//! Owns the call that stops a scope and waits for it with a limit (R1).
//! Refuses to order the stop itself: the caller drives `order`, as every waiting thread does.

use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use crate::outcome::reason::StopReason;
use crate::outcome::report::shutdown::ShutdownReport;
use crate::outcome::status::snapshot::Role;
use crate::rt::awake;
use crate::rt::contain::log_contained;
use crate::rt::shown::shown;
use crate::shutdown::order::{Driver, drive_until};
use crate::shutdown::reporting;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::tree::{current, deadlock};

/// Stops the scope, and waits until its threads are home or until `end`. A caller inside the scope
/// does not wait. Never moves a deadline later.
pub(crate) fn shutdown(
    core: &Arc<ScopeCore>,
    end: Instant,
    at: &'static Location<'static>,
) -> ShutdownReport {
    if core.parent.is_none() {
        core.root.stop_announced(end, true);
    }
    let repeated = {
        let mut state = core.lock();
        state.clock.limit(awake::now(), end);
        core.clock_moved(&state);
        std::mem::replace(&mut state.asked, true)
    };
    core.node.stop(StopReason::Requested { at });
    core.wake_drivers();
    if !is_inside(core) {
        let _mark = WaitMark::on("shutdown", at, Of::Scope(Arc::clone(core)));
        wait_until(core, end);
    }
    let report = ShutdownReport { repeated, ..reporting::report(core) };
    log_contained(|| {
        tracing::info!(
            target: "homebound::shutdown",
            scope = &*shown(core.path()),
            joined = report.joined,
            timeout = report.timeout,
            "shut down"
        );
    });
    report
}

/// Waits until the scope is home, or until the earliest end of all calls that wait now: a later
/// call with a shorter limit ends the earlier calls too (R1).
fn wait_until(core: &Arc<ScopeCore>, end: Instant) {
    let Ok(waiting) = deadlock::Waiting::on_scope(core) else { return };
    let mut state = core.lock();
    state.callers += 1;
    state.callers_end = state.callers_end.into_iter().chain([end]).min();
    drop(state);
    // The other callers read `callers_end` again.
    core.wake_drivers();
    drive_until(core, Driver::Other, Some(&|| core.lock().callers_end));
    let mut state = core.lock();
    state.callers -= 1;
    if state.callers == 0 {
        state.callers_end = None;
    }
    drop(state);
    drop(waiting);
}

/// True for a thread below the scope, and inside a callback or a deferred function: the caller
/// would wait for itself. The thread of the body is not below, because `shutdown` does not wait for
/// the body.
fn is_inside(core: &Arc<ScopeCore>) -> bool {
    let below = |record: &Arc<Record>| {
        !matches!(record.role, Role::Body | Role::Guest)
            && record.core.ancestors().any(|around| Arc::ptr_eq(around, core))
    };
    current::is_in_callback() || current::records().iter().any(below)
}
