//! Owns the call that stops a scope and waits for it with a limit (R1).
//! Refuses to order the stop itself: it drives `order` like everybody who waits.

use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use crate::outcome::reason::StopReason;
use crate::outcome::report::ShutdownReport;
use crate::outcome::status::Role;
use crate::rt::contain::log_contained;
use crate::rt::shown::shown;
use crate::shutdown::order::{Driver, drive_until};
use crate::shutdown::settle;
use crate::tree::core::ScopeCore;
use crate::tree::record::{Of, Record};
use crate::tree::wait_mark::WaitMark;
use crate::tree::{current, deadlock};

pub(crate) fn shutdown(
    core: &Arc<ScopeCore>,
    end: Instant,
    at: &'static Location<'static>,
) -> ShutdownReport {
    if core.parent.is_none() {
        core.root.stop_announced(end);
    }
    let repeated = {
        let mut state = core.lock();
        state.clock.limit(end);
        core.clock_moved(&state);
        std::mem::replace(&mut state.asked, true)
    };
    core.node.stop(StopReason::Requested { at });
    core.wake_drivers();
    if !is_inside(core) {
        let _mark = WaitMark::on("shutdown", at, Of::Scope(Arc::clone(core)));
        wait_until(core, end);
    }
    let report = ShutdownReport { repeated, ..settle::report(core) };
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

/// Waits with all other calls that wait now, until the earliest of their ends.
fn wait_until(core: &Arc<ScopeCore>, end: Instant) {
    let Ok(waiting) = deadlock::Waiting::on_scope(core) else { return };
    let mut state = core.lock();
    state.callers += 1;
    state.callers_end = state.callers_end.into_iter().chain([end]).min();
    drop(state);
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

/// From a thread below the scope, a callback or a deferred function: waiting would be waiting for itself. The body's
/// own thread is not below: nobody waits for it.
fn is_inside(core: &Arc<ScopeCore>) -> bool {
    let below = |record: &Arc<Record>| {
        !matches!(record.role, Role::Body | Role::Guest)
            && record.core.ancestors().any(|around| Arc::ptr_eq(around, core))
    };
    current::is_guest() || current::records().iter().any(below)
}
