//! Owns the observations of stops: each stop was seen, for a reason that some step gave, and for
//! the first such reason.
//! Refuses to decide between causes that raced.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::causes::Cause;
use super::super::index::Index;
use super::super::log::{Event, Returned, What};
use super::super::tree::Id;
use super::{Property, Violation, say};
use homebound::StopReason;

/// A wake-up that takes longer than this counts as missed.
const SLOW: Duration = Duration::from_secs(1);

pub(super) fn check(index: &Index<'_>, all: &mut Vec<Violation>) {
    let mut causes: BTreeMap<Id, Vec<Cause>> = BTreeMap::new();
    // Each context has its own entry, because two causes that raced may have reached two contexts
    // in either order.
    let mut seen: BTreeMap<Id, (usize, &StopReason)> = BTreeMap::new();
    for (place, event) in index.events.iter().enumerate() {
        let node = event.node;
        let mut causes = |node| causes.entry(node).or_insert_with(|| index.causes(node)).clone();
        match &event.what {
            What::Looked { since, reason: None } => {
                blind(&causes(node), node, *since, all);
                if seen.get(&node).is_some_and(|(first, _)| first < since) {
                    say(all, Property::Seen, format!("step {node} saw its stop, and later none"));
                }
            }
            What::Looked { reason: Some(reason), .. } => {
                explained(index, &causes(node), node, place, reason, all);
                let (_, first) = seen.entry(node).or_insert((place, reason));
                if *first != reason {
                    say(
                        all,
                        Property::Reason,
                        format!("step {node} saw two reasons: {first:?}, then {reason:?}"),
                    );
                }
            }
            What::Woken { timed_out: true } => slept(index, &causes(node), event, all),
            What::Woken { timed_out: false } => rescued(index, &causes(node), node, place, all),
            What::Returned(Returned::Error(failed)) => {
                let reasons = failed.stop_reason.iter().chain(&failed.sum.reason);
                reasons.for_each(|reason| explained(index, &causes(node), node, place, reason, all));
            }
            What::Reported(sum) | What::Exited { sum, .. } => {
                let reasons = sum.reason.iter();
                reasons.for_each(|reason| explained(index, &causes(node), node, place, reason, all));
            }
            _ => {}
        }
    }
}

/// A look that began after a stop was done must see it.
fn blind(causes: &[Cause], node: Id, since: usize, all: &mut Vec<Violation>) {
    if causes.iter().filter_map(|cause| cause.end).any(|end| end < since) {
        say(all, Property::Seen, format!("step {node} looked after its stop, and did not see it"));
    }
}

/// A wait that began before a stop, or after it, ends with it.
fn slept(index: &Index<'_>, causes: &[Cause], event: &Event, all: &mut Vec<Violation>) {
    let missed = causes.iter().filter_map(|cause| cause.end);
    if missed.into_iter().any(|end| index.events[end].at + SLOW < event.at) {
        say(all, Property::Seen, format!("the wait of step {} was not ended by its stop", event.node));
    }
}

/// A wait is not ended by the watcher, which stops a run when nobody else does, if a stop had come
/// before.
fn rescued(index: &Index<'_>, causes: &[Cause], node: Id, woken: usize, all: &mut Vec<Violation>) {
    let Some(rescue) = index.rescued().filter(|rescue| *rescue < woken) else { return };
    let waiting = |place: &&usize| matches!(index.events[**place].what, What::Waiting) && **place < woken;
    let began = index.places(node).iter().rfind(waiting);
    let stopped = causes.iter().filter_map(|cause| cause.end).any(|end| end < rescue);
    if began.is_some_and(|began| *began < rescue) && stopped {
        say(all, Property::Seen, format!("the wait of step {node} slept through its stop"));
    }
}

/// Some step gave this reason before it was seen, and before any other cause was done.
fn explained(
    index: &Index<'_>,
    causes: &[Cause],
    node: Id,
    place: usize,
    reason: &StopReason,
    all: &mut Vec<Violation>,
) {
    let at = index.events[place].at;
    let first_done = causes.iter().filter_map(|cause| cause.end).min().unwrap_or(usize::MAX);
    let given = causes.iter().filter(|cause| cause.begin < place && cause.explains(reason, at, index));
    let begun = given.map(|cause| cause.begin).min();
    match begun {
        None => say(
            all,
            Property::Reason,
            format!("step {node} was stopped for {reason:?}, which nobody had given"),
        ),
        Some(begun) if begun > first_done => {
            say(
                all,
                Property::Reason,
                format!("step {node} was stopped for {reason:?}, which was not the first"),
            );
        }
        Some(_) => {}
    }
}
