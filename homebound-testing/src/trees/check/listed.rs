//! Owns the check of the failure lists: each failure is in the result of its scope once, and no
//! other entry is in there.
//! Refuses to know the order of failures among threads.

use std::collections::BTreeMap;

use super::super::index::Index;
use super::super::kin::Kind;
use super::super::log::{Failed, Failing, Finish, Gave, How, Returned, TaskEvent, What, Whose};
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
            // Only `tracing` reports a failure that is hidden by the panic of a body.
            Returned::Panic | Returned::Silent => {}
        }
    }
}

/// The failures that the result of this scope or group must list.
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
            // A foreign stop is a failure, even if the closure was asked to stop as well.
            How::Own | How::Callback | How::Unclaimed | How::Stop(Whose::Others) => {
                Times { least: 1, most: 1 }
            }
            How::Handed(_) => Times { least: 1, most: 1 },
            How::User | How::Answered | How::Stop(Whose::Unknown) => Times { least: 0, most: 1 },
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

/// True if the joiner of an isolated thread, or of a task, has its failure.
fn claimed(index: &Index<'_>, thread: Id, how: &How) -> bool {
    if let How::Handed(task) = how {
        let given =
            |what: &What| matches!(what, What::Task(t, TaskEvent::Answered(Gave::Failure(_))) if t == task);
        return index.first(thread, given).is_some();
    }
    let isolated = index.kin.get(thread).is_some_and(|person| person.isolated);
    isolated && !matches!(how, How::Callback | How::Unclaimed) && was_joined(index, thread)
}

/// While a handle may still be joined, the group does not report the failure. The scope around the
/// group does, in the end.
fn may_be_told_later(index: &Index<'_>, scope: Id, thread: Id, how: &How) -> bool {
    let isolated = index.kin.get(thread).is_some_and(|person| person.isolated);
    index.kin.is_group(scope) && (isolated || matches!(how, How::Unclaimed | How::Handed(_)))
}

fn was_joined(index: &Index<'_>, thread: Id) -> bool {
    index.events.iter().any(
        |event| matches!(&event.what, What::Joined { thread: t, gave: Gave::Failure(_) } if *t == thread),
    )
}

/// True if this scope lists the failure itself, so that an error which carries it adds no entry.
fn is_listed(index: &Index<'_>, scope: Id, message: Id) -> bool {
    index.events.iter().any(|event| match &event.what {
        What::Fails(failing) if failing.message == message && !index.kin.is_adopted(event.node) => {
            let here = index.kin.listing(index.home_of(event.node)).contains(&scope);
            here && !claimed(index, event.node, &failing.how)
                // These may be no failure. Then an entry shows that a joiner was given one.
                && !matches!(failing.how, How::Passed(_) | How::Stop(Whose::Own))
                || here && passed_anew(index, event.node, &failing.how)
        }
        _ => false,
    })
}

/// True for an error that is an entry of its own, because it carries more than its scope lists.
fn passed_anew(index: &Index<'_>, who: Id, how: &How) -> bool {
    let How::Passed(carried) = how else { return false };
    !claimed(index, who, how) && !matches!(weigh(index, index.home_of(who), carried), Weight::Known)
}

/// The effect of an error that carries failures on the list of a scope.
enum Weight {
    /// All failures in it are listed, so it adds no entry.
    Known,
    /// The failures that are not listed carry only listed ones. The library may see that, or not.
    KnownBelow,
    /// Without an entry a failure would be lost, or the error carries none.
    New,
}

fn weigh(index: &Index<'_>, home: Id, carried: &[Id]) -> Weight {
    let (mut list, mut weight) = (carried.to_vec(), Weight::Known);
    if list.is_empty() {
        return Weight::New;
    }
    // This ends, because a failure is older than the error that carries it.
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

/// The failures that the error of that step carried, if the error was only passed on.
fn passed_by<'a>(index: &Index<'a>, id: Id) -> Option<&'a [Id]> {
    index.places(id).iter().find_map(|place| match &index.events[*place].what {
        What::Fails(Failing { message, how: How::Passed(carried) }) if *message == id => Some(&carried[..]),
        _ => None,
    })
}

fn value(index: &Index<'_>, scope: Id, expected: &BTreeMap<Id, Times>, all: &mut Vec<Violation>) {
    // If the owner of a group is a service, the scope around may have closed the group and taken
    // its failures.
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
