//! Owns the book of failures: each is in the result of its scope once, and nothing is in there that did not fail.
//! Refuses to know the order of failures among threads.

use std::collections::BTreeMap;

use super::super::index::Index;
use super::super::kin::Kind;
use super::super::log::{Failed, Failing, Finish, Gave, How, Returned, What, Whose};
use super::super::tree::Id;
use super::{Property, Violation, say};

/// How often a failure may be in a list.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    least: usize,
    most: usize,
}

pub(super) fn check(index: &Index<'_>, all: &mut Vec<Violation>) {
    for event in index.events {
        let What::Returned(returned) = &event.what else { continue };
        let expected = expected(index, event.node);
        match returned {
            Returned::Value => value(index, event.node, &expected, all),
            Returned::Error(failed) => error(index, event.node, failed, &expected, all),
            // What its body's panic hides is told by `tracing` only.
            Returned::Panic | Returned::Silent => {}
        }
    }
}

/// What the result of this scope or group must list.
fn expected(index: &Index<'_>, scope: Id) -> BTreeMap<Id, Times> {
    let mut expected: BTreeMap<Id, Times> = BTreeMap::new();
    for event in index.events {
        let What::Fails(failing) = &event.what else { continue };
        let home = index.home_of(event.node);
        if !index.kin.listing(home).contains(&scope) || index.kin.is_adopted(event.node) {
            continue;
        }
        let times = match &failing.how {
            _ if claimed(index, event.node, &failing.how) => Times { least: 0, most: 0 },
            // Of somebody else's stop it failed, whether or not it was asked to stop as well.
            How::Own | How::Callback | How::Unclaimed | How::Stop(Whose::Others) => {
                Times { least: 1, most: 1 }
            }
            How::User | How::Stop(Whose::Unknown) => Times { least: 0, most: 1 },
            How::Stop(Whose::Own) => Times { least: 0, most: 0 },
            How::Passed(carried) => match weigh(index, home, carried) {
                Weight::Known => Times { least: 0, most: 0 },
                Weight::KnownBelow => Times { least: 0, most: 1 },
                Weight::New => Times { least: 1, most: 1 },
            },
        };
        let times = if may_be_told_later(index, scope, event.node, &failing.how) {
            Times { least: 0, ..times }
        } else {
            times
        };
        let sum = expected.entry(failing.message).or_default();
        (sum.least, sum.most) = (sum.least + times.least, sum.most + times.most);
    }
    expected
}

/// The failure of an isolated thread belongs to whoever joined it.
fn claimed(index: &Index<'_>, thread: Id, how: &How) -> bool {
    let isolated = index.kin.get(thread).is_some_and(|person| person.isolated);
    isolated && !matches!(how, How::Callback | How::Unclaimed) && was_joined(index, thread)
}

/// While there is a handle that may be joined, it is not a group's to tell: then its scope does, in the end.
fn may_be_told_later(index: &Index<'_>, scope: Id, thread: Id, how: &How) -> bool {
    let isolated = index.kin.get(thread).is_some_and(|person| person.isolated);
    index.kin.is_group(scope) && (isolated || matches!(how, How::Unclaimed))
}

fn was_joined(index: &Index<'_>, thread: Id) -> bool {
    index.events.iter().any(
        |event| matches!(&event.what, What::Joined { thread: t, gave: Gave::Failure(_) } if *t == thread),
    )
}

/// True if this scope lists that failure by itself, so that an error which carries it is none.
fn is_listed(index: &Index<'_>, scope: Id, message: Id) -> bool {
    index.events.iter().any(|event| match &event.what {
        What::Fails(failing) if failing.message == message && !index.kin.is_adopted(event.node) => {
            let here = index.kin.listing(index.home_of(event.node)).contains(&scope);
            here && !claimed(index, event.node, &failing.how)
                // Where it may be none, somebody was given it as one.
                && !matches!(failing.how, How::Passed(_) | How::Stop(Whose::Own))
                || here && passed_anew(index, event.node, &failing.how)
        }
        _ => false,
    })
}

/// True for an error that is not just one that its scope lists: it is an entry of its own.
fn passed_anew(index: &Index<'_>, who: Id, how: &How) -> bool {
    let How::Passed(carried) = how else { return false };
    !claimed(index, who, how) && !matches!(weigh(index, index.home_of(who), carried), Weight::Known)
}

/// What an error that carries failures is to the list of a scope.
enum Weight {
    /// All of them are listed: it adds no entry.
    Known,
    /// Those that are not listed carry nothing but such as are: one may see that, or not.
    KnownBelow,
    /// Something would be lost without an entry, or nothing is carried.
    New,
}

fn weigh(index: &Index<'_>, home: Id, carried: &[Id]) -> Weight {
    let (mut list, mut weight) = (carried.to_vec(), Weight::Known);
    if list.is_empty() {
        return Weight::New;
    }
    // A failure was there before what carries it: this ends.
    while let Some(id) = list.pop() {
        if is_listed(index, home, id) {
            continue;
        }
        match passed_by(index, id) {
            Some(below) if !below.is_empty() => list.extend(below),
            _ => return Weight::New,
        }
        weight = Weight::KnownBelow;
    }
    weight
}

/// What the error of that step carried, if it was only passed on.
fn passed_by<'a>(index: &Index<'a>, id: Id) -> Option<&'a [Id]> {
    index.places(id).iter().find_map(|place| match &index.events[*place].what {
        What::Fails(Failing { message, how: How::Passed(carried) }) if *message == id => Some(&carried[..]),
        _ => None,
    })
}

fn value(index: &Index<'_>, scope: Id, expected: &BTreeMap<Id, Times>, all: &mut Vec<Violation>) {
    // A group whose owner is a service may have been closed, and its failures taken, by the scope around it.
    if index.kin.is_group(scope) && owned_by_service(index, scope) {
        return;
    }
    for (id, times) in expected.iter().filter(|(_, times)| times.least > 0) {
        say(
            all,
            Property::Listed,
            format!("scope {scope} returned Ok, but step {id} had failed {} times", times.least),
        );
    }
    if index.first(scope, |what| matches!(what, What::Ends(Finish::Stopped | Finish::Failing))).is_some() {
        say(all, Property::Listed, format!("scope {scope} returned Ok, but its body did not"));
    }
}

fn owned_by_service(index: &Index<'_>, group: Id) -> bool {
    let mut id = group;
    while let Some(person) = index.kin.get(id).filter(|_| id != 0) {
        if index.kin.get(person.closure).is_some_and(|owner| owner.kind == Kind::Service) {
            return true;
        }
        id = person.closure;
    }
    false
}

fn error(
    index: &Index<'_>,
    scope: Id,
    failed: &Failed,
    expected: &BTreeMap<Id, Times>,
    all: &mut Vec<Violation>,
) {
    let mut found: BTreeMap<Id, usize> = BTreeMap::new();
    failed.failures.iter().for_each(|id| *found.entry(*id).or_default() += 1);
    for (id, times) in expected {
        let count = found.remove(id).unwrap_or(0);
        if count < times.least {
            say(
                all,
                Property::Listed,
                format!("the failure of step {id} is not in the result of scope {scope}"),
            );
        } else if count > times.most {
            let most = times.most;
            say(
                all,
                Property::Listed,
                format!(
                    "the failure of step {id} is in the result of scope {scope} {count} times, not {most}"
                ),
            );
        }
    }
    for id in found.keys() {
        say(
            all,
            Property::Listed,
            format!("the result of scope {scope} lists step {id}, which did not fail there"),
        );
    }
    if failed.omitted > 0 || failed.during_stop > failed.failures.len() {
        say(
            all,
            Property::Listed,
            format!("the result of scope {scope} omits failures, or counts them wrongly"),
        );
    }
    let stopped = index.first(scope, |what| matches!(what, What::Ends(Finish::Stopped))).is_some();
    let failed_passing = index.first(scope, |what| matches!(what, What::Fails(_))).is_some();
    if failed.failures.is_empty() && !(failed.stop_reason.is_some() && (stopped || failed_passing)) {
        say(
            all,
            Property::Listed,
            format!("scope {scope} returned an error without a failure and without a stop of its body"),
        );
    }
    if !failed.failures.is_empty() && failed.stop_reason.is_some() {
        say(
            all,
            Property::Listed,
            format!("the result of scope {scope} has failures, and is a stop as well"),
        );
    }
}
