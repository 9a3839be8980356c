//! Owns the making of a report: it brings together the counts of a scope's tally, the stop of the
//! scope, and its guests.
//! Refuses to count: the tally does, and `guest` for guests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outcome::reason::StopReason;
use crate::outcome::report::shutdown::ShutdownReport;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::state_lock::Lock;
use crate::tree::tally::Sums;
use crate::tree::{current, guest, rows};

/// The report of this scope as it stands now.
pub(crate) fn report(core: &Arc<ScopeCore>) -> ShutdownReport {
    report_by(core, core.outer_due(), Lock::Waits).unwrap_or_default()
}

/// For *watch*, which must not wait long for a lock: the report of its root, as far as the locks
/// could be had. `None` if the root's own lock could not.
pub(crate) fn report_of_root(root: &Arc<ScopeCore>) -> Option<ShutdownReport> {
    report_by(root, None, Lock::briefly())
}

fn report_by(core: &Arc<ScopeCore>, outer: Option<Instant>, lock: Lock) -> Option<ShutdownReport> {
    let others = away(core.with_recent(lock));
    let state = lock.take(core)?;
    // No tally before a shutdown begins: then there is nothing to sum up.
    let sums = state.tally.as_ref().map(|tally| tally.sum_up(others, &state.clock, outer));
    let body = state.body.clone();
    drop(state);
    // The rows are made without the lock: a thousand of them take their time.
    Some(report_with(core, sums.unwrap_or_default(), body.as_ref(), asked(core), guest::count(core, lock)))
}

/// Makes the report. The only place that does so, and it names all fields, so that the compiler
/// asks for the value of a new one. `call::shutdown` sets `repeated` afterwards, and the end of a
/// registry (`exit::complete`) sets the fields that only the registry can know. `body`: the record
/// of the scope's body, if it has one.
fn report_with(
    core: &Arc<ScopeCore>,
    sums: Sums,
    body: Option<&Arc<Record>>,
    reason: Option<StopReason>,
    guests: usize,
) -> ShutdownReport {
    let Sums { joined, timeout, away, began, deadline, duration, rows } = sums;
    let here: Vec<_> = current::records().iter().map(|record| record.id).collect();
    ShutdownReport {
        total: joined + timeout,
        joined,
        timeout,
        away,
        guests,
        orphaned: 0,
        duration,
        grace: began.zip(deadline).map(|(began, end)| to_millisecond(end.saturating_duration_since(began))),
        reason,
        repeated: false,
        threads: began.iter().flat_map(|began| rows.iter().map(|row| rows::thread(row, *began))).collect(),
        scopes: began.map(|began| rows::scopes(core, &rows, began, body, &here)).unwrap_or_default(),
        foreign: Vec::new(),
        owned: Vec::new(),
    }
}

/// A call of `shutdown` counts its grace from the call, which comes a moment before the stop. So
/// the grace is rounded, to be what the caller has asked for.
fn to_millisecond(grace: Duration) -> Duration {
    let half = Duration::from_micros(500);
    let whole = u64::try_from(grace.saturating_add(half).as_millis());
    whole.map_or(grace, Duration::from_millis)
}

/// The threads of the list without those that the calling thread runs: a thread that asks from
/// inside the scope cannot be home, and is not waited for.
fn away(mut others: Vec<Arc<Record>>) -> Vec<Arc<Record>> {
    // Most often all are home, and the calling thread may run as many bodies as it has scopes.
    if others.iter().any(|record| !record.is_home()) {
        let here = current::records();
        others.retain(|record| record.is_home() || !here.iter().any(|own| own.id == record.id));
    }
    others
}

/// The reason of the stop, if there was one.
fn asked(core: &ScopeCore) -> Option<StopReason> {
    core.node.asked_at().map(|_| (*core.node.reason()).clone())
}
