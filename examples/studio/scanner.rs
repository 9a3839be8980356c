//! Owns the care for stray child processes: ends children of this process that have been idle for
//! too long.
//! Refuses to touch a process that is not our own child, or that a scope looks after, such as the
//! web server.
//!
//! The studio starts no others, so it finds none unless a program that became the studio (by
//! `exec`) left some behind. An application with helpers that may be forgotten has the same
//! service.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use homebound::{Context, Result, Scope, ScopeStatus};

use crate::children::{self, Child, Order};
use crate::studio::Studio;

/// A service that looks for strays until it is told to end.
pub fn start<'scope, 'env>(scope: &'scope Scope<'scope, 'env>, studio: &'env Studio) -> Result {
    scope
        .service("scanner", "ends stray child processes that are idle", move |cx| scan(cx, scope, studio))?;
    Ok(())
}

fn scan(cx: &Context, scope: &Scope<'_, '_>, studio: &Studio) -> Result {
    if !children::SUPPORTED {
        studio.console.note("scanner: does nothing on this system");
        cx.wait_for_stop();
        return Ok(());
    }
    let limit = studio.options.idle;
    let period = (limit / 4).clamp(Duration::from_millis(100), Duration::from_secs(5));
    let mut records = HashMap::new();
    for _ in cx.ticks(period) {
        // The tree knows a scope's child only after the child has become its program, which may
        // take a while.
        let Some(nobody_forks) = studio.forking.try_lock() else { continue };
        let mut children = cx.waiting("reading /proc", children::all)?;
        let mut looked_after = HashSet::new();
        if !children.is_empty() && !pids(&scope.snapshot().root, &mut looked_after) {
            continue;
        }
        drop(nobody_forks);
        children.retain(|child| !looked_after.contains(&child.id.pid));
        // Records of ended children go, so that there are no more records than children.
        records.retain(|id, _| children.iter().any(|child| child.id == *id));
        for child in &children {
            // A child that is seen for the first time may be at its end, and out of the tree a
            // moment ago.
            let known = records.contains_key(&child.id);
            let record = records.entry(child.id).or_insert_with(|| Record::of(child));
            if known {
                look_at(studio, child, record);
            }
        }
    }
    Ok(())
}

/// Collects the processes that scopes look after. Returns false if a scope was too busy to tell.
fn pids(scope: &ScopeStatus, into: &mut HashSet<i32>) -> bool {
    let processes = scope.threads.iter().filter_map(|thread| thread.process.as_ref());
    into.extend(processes.filter_map(|process| i32::try_from(process.pid).ok()));
    scope.scopes.iter().fold(!scope.busy, |all, inner| pids(inner, into) && all)
}

/// The record of one child.
struct Record {
    cpu: u64,
    /// Since when the child has used no processor time, or since the order that it has not followed
    /// yet.
    idle_since: Instant,
    ordered: Option<Order>,
    counted: bool,
}

impl Record {
    fn of(child: &Child) -> Self {
        Record { cpu: child.cpu, idle_since: Instant::now(), ordered: None, counted: false }
    }
}

fn look_at(studio: &Studio, child: &Child, record: &mut Record) {
    if !record.counted {
        record.counted = true;
        studio.tally.strays.fetch_add(1, Relaxed);
    }
    if child.ended {
        // The scanner reaps a child that it ended. The end of any other child belongs to the code
        // that waits for it.
        if record.ordered.is_some() && children::bury(child.id) {
            studio.tally.strays_ended.fetch_add(1, Relaxed);
            studio.console.say(format_args!("scanner: {child} has ended"));
        }
        return;
    }
    if child.cpu != record.cpu && record.ordered.is_none() {
        record.cpu = child.cpu;
        record.idle_since = Instant::now();
    }
    let idle = record.idle_since.elapsed();
    let Some(order) = decide(idle, record.ordered, studio.options.idle) else {
        return;
    };
    record.ordered = Some(order);
    record.idle_since = Instant::now();
    let seconds = idle.as_secs_f64();
    match children::order(child.id, order) {
        Ok(()) => studio.console.say(format_args!("scanner: {child} was idle for {seconds:.1} s: {order:?}")),
        Err(error) => studio.console.complain(format_args!("scanner: {child}: {error}")),
    }
}

/// First the polite order, and the other one after the same time again.
fn decide(idle: Duration, ordered: Option<Order>, limit: Duration) -> Option<Order> {
    match ordered {
        _ if idle < limit => None,
        None => Some(Order::Terminate),
        Some(Order::Terminate) => Some(Order::Kill),
        Some(Order::Kill) => None,
    }
}
