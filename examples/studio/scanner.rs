//! Owns the care for stray child processes: ends those of ours that have been idle for too long.
//! Refuses to touch a process that is not our own child.
//!
//! The studio starts no processes, so it finds none unless a program that became the studio (by `exec`) left
//! some behind. An application with helpers that may be forgotten has the same service.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use homebound::{Context, Result, Scope};

use crate::children::{self, Child, Id, Order};
use crate::studio::Studio;

/// A service: it looks around until it is told to end.
pub fn start<'scope, 'env>(scope: &'scope Scope<'scope, 'env>, studio: &'env Studio) -> Result {
    scope.service("scanner", "ends stray child processes that are idle", |cx| scan(cx, studio))?;
    Ok(())
}

fn scan(cx: &Context, studio: &Studio) -> Result {
    if !children::SUPPORTED {
        studio.console.note("scanner: does nothing on this system");
        cx.wait_for_stop();
        return Ok(());
    }
    let limit = studio.options.idle;
    let period = (limit / 4).clamp(Duration::from_millis(100), Duration::from_secs(5));
    let mut records = HashMap::new();
    for _ in cx.ticks(period) {
        let children = cx.waiting("reading /proc", children::all)?;
        // What is gone is forgotten, so that the records stay as few as the children.
        records.retain(|id, _| children.iter().any(|child| child.id == *id));
        for child in &children {
            look_at(studio, child, &mut records);
        }
    }
    Ok(())
}

/// What is known of one child.
struct Record {
    cpu: u64,
    /// Since when it has used no processor time, or since the order that it did not follow yet.
    idle_since: Instant,
    ordered: Option<Order>,
}

fn look_at(studio: &Studio, child: &Child, records: &mut HashMap<Id, Record>) {
    let record = records.entry(child.id).or_insert_with(|| {
        studio.tally.strays.fetch_add(1, Relaxed);
        Record { cpu: child.cpu, idle_since: Instant::now(), ordered: None }
    });
    if child.ended {
        // One that we ended is ours to bury; the end of any other is news for whoever waits for it.
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
