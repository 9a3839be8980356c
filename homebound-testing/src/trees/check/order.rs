//! Owns the order of an end: users before services, later services before earlier ones, all threads
//! before deferred functions.
//! Refuses to judge a scope with a grace of milliseconds, because such a scope does not wait for
//! late threads.

use super::super::index::Index;
use super::super::kin::Kind;
use super::super::log::{Stop, What};
use super::super::tree::Id;
use super::{Property, Violation, say};
use homebound::StopReason;

pub(super) fn check(index: &Index<'_>, all: &mut Vec<Violation>) {
    for (id, person) in index.kin.all() {
        match person.kind {
            Kind::Service | Kind::Group if !index.hurried(person.home) => {
                if let Some(told) = told(index, id) {
                    users(index, id, person.home, told, all);
                    later_ones(index, id, person.home, told, all);
                }
            }
            Kind::Deferred => deferred(index, id, person.home, all),
            _ => {}
        }
    }
}

/// The first event that shows that a service or group was told to stop in its turn.
fn told(index: &Index<'_>, id: Id) -> Option<usize> {
    let looks = index.events.iter().enumerate().filter_map(|(place, event)| match &event.what {
        What::Looked { reason: Some(reason), .. } => Some((place, event.node, reason)),
        _ => None,
    });
    if index.kin.is_group(id) {
        let member = |node: Id| {
            let person = index.kin.get(node);
            person.is_some_and(|person| person.kind == Kind::Worker && person.home == id)
        };
        let in_turn = |reason: &StopReason| matches!(reason, StopReason::Parent(_) | StopReason::UsersDone);
        return looks.into_iter().find(|(_, node, why)| member(*node) && in_turn(why)).map(|(p, ..)| p);
    }
    let (place, ..) = looks.into_iter().find(|(_, node, _)| *node == id)?;
    let asked = index.events[..place].iter().any(
        |event| matches!(event.what, What::Stopping { target, how: Stop::ThroughHandle } if target == id),
    );
    (!asked).then_some(place)
}

/// The body and the workers of the scope are home when a service is told.
fn users(index: &Index<'_>, id: Id, scope: Id, told: usize, all: &mut Vec<Violation>) {
    let user = |kind| matches!(kind, Kind::Worker | Kind::Adopted);
    let workers = index.kin.all().filter(|(_, p)| user(p.kind) && p.home == scope);
    for (worker, _) in workers {
        if away(index, worker, told) {
            say(all, Property::Order, format!("service {id} was told before its user t{worker} was home"));
        }
        if index.made(worker).is_some() && index.making(worker).is_some_and(|making| making > told) {
            say(
                all,
                Property::Order,
                format!("t{worker} was spawned after service {id} of its scope was told"),
            );
        }
    }
    let body_away = index.ends(scope).is_none_or(|ends| ends > told);
    if !index.kin.is_group(scope) && body_away {
        say(all, Property::Order, format!("service {id} was told before the body of scope {scope} was home"));
    }
}

/// True if this thread was running at that time: it had begun and was not gone.
fn away(index: &Index<'_>, thread: Id, at: usize) -> bool {
    let began = index.started(thread).is_some_and(|started| started < at);
    began && index.gone(thread).is_none_or(|gone| gone > at)
}

/// Services and groups that were made later in the scope are home when this one is told to stop.
fn later_ones(index: &Index<'_>, id: Id, scope: Id, told: usize, all: &mut Vec<Violation>) {
    let Some(made) = index.made(id) else { return };
    let later = index.kin.all().filter(|(other, p)| {
        let one = matches!(p.kind, Kind::Service | Kind::Group) && p.home == scope;
        one && index.making(*other).is_some_and(|making| making > made)
    });
    for (other, person) in later {
        let threads: Vec<Id> = match person.kind {
            Kind::Group => index.threads().filter(|t| index.kin.around(*t).contains(&other)).collect(),
            _ => vec![other],
        };
        for thread in threads.into_iter().filter(|thread| away(index, *thread, told)) {
            say(
                all,
                Property::Order,
                format!("service {id} was told before t{thread}, of the later {other}, was home"),
            );
        }
    }
}

/// A deferred function runs once, after all threads of its scope, the last first.
fn deferred(index: &Index<'_>, id: Id, scope: Id, all: &mut Vec<Violation>) {
    let ran: Vec<usize> = index.places(id).iter().copied().filter(|p| is_start(index, *p)).collect();
    let over = index.returned(scope).is_some();
    if index.made(id).is_some() && over && ran.len() != 1 {
        say(all, Property::Order, format!("deferred {id} ran {} times", ran.len()));
    }
    let Some(ran) = ran.first().copied() else { return };
    for thread in index.threads().filter(|thread| index.kin.around(*thread).contains(&scope)) {
        if away(index, thread, ran) {
            say(all, Property::Order, format!("deferred {id} ran before t{thread} was home"));
        }
    }
    if index.returned(scope).is_some_and(|returned| returned < ran) {
        say(all, Property::Order, format!("deferred {id} ran after its scope {scope} had returned"));
    }
    let earlier = index.kin.all().filter(|(_, p)| p.kind == Kind::Deferred && p.home == scope);
    for (other, _) in earlier {
        let before = index.made(other).zip(index.making(id)).is_some_and(|(made, making)| made < making);
        let both = index.made(id).is_some_and(|made| made < ran);
        if before && both && index.started(other).is_some_and(|other| other < ran) {
            say(all, Property::Order, format!("deferred {other} ran before {id}, which was deferred later"));
        }
    }
}

fn is_start(index: &Index<'_>, place: usize) -> bool {
    matches!(index.events[place].what, What::Started { .. })
}
