//! R1, R2, R4 and WF: what a shutdown returns, when, and whether the numbers add up.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod r1_calls;
mod r2_counts;
mod r2_moving;
mod r4_rows;
mod wf_pictures;
mod wf_waterfall;

use std::time::Duration;

use crate::common::*;
use homebound::{Result, Scope, ShutdownReport, scope};

const BRIEF: Duration = Duration::from_millis(100);

/// `total == joined + timeout + orphaned`, always.
#[track_caller]
fn adds_up(report: &ShutdownReport) {
    let sum = report.joined + report.timeout + report.orphaned;
    assert_eq!(report.total, sum, "it does not add up: {report}");
    assert!(!report.to_string().is_empty());
}

fn some_threads(s: &Scope<'_, '_>) -> Result {
    s.spawn("worker", "waits", until_stopped)?;
    s.service("service", "waits", until_stopped)?;
    let group = s.group("group")?;
    group.spawn("member", "waits", until_stopped)?;
    std::mem::forget(group);
    let (ready, is_ready) = gate();
    s.spawn("opener", "has one below", move |_| {
        Ok(scope(|below| {
            below.spawn("deep", "waits", until_stopped)?;
            Ok(drop(ready))
        })?)
    })?;
    pass(&is_ready);
    Ok(())
}
