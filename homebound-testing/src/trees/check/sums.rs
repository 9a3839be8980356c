//! Owns the arithmetic of reports, and whether their rows match the events.
//! Refuses to know durations.

use std::collections::BTreeSet;

use super::super::index::Index;
use super::super::kin::Kind;
use super::super::log::{How, Returned, Sum, What, Whose};
use super::super::tree::Id;
use super::{Property, Violation, say};
use homebound::Ending;

pub(super) fn check(index: &Index<'_>, all: &mut Vec<Violation>) {
    for (place, event) in index.events.iter().enumerate() {
        match &event.what {
            What::Returned(Returned::Error(failed)) => {
                numbers(event.node, &failed.sum, all);
                rows(index, event.node, place, &failed.sum, all);
                at_the_end(index, event.node, &failed.sum, all);
            }
            What::Reported(sum) => {
                numbers(event.node, sum, all);
                rows(index, event.node, place, sum, all);
            }
            What::Exited { code, sum } => {
                numbers(event.node, sum, all);
                rows(index, event.node, place, sum, all);
                at_the_end(index, event.node, sum, all);
                exit_code(index, *code, sum, all);
            }
            _ => {}
        }
    }
}

/// Late threads count more than failures. (G3; a tree's registry takes no signals.)
fn exit_code(index: &Index<'_>, code: u8, sum: &Sum, all: &mut Vec<Violation>) {
    let failed = |what: &What| matches!(what, What::Returned(Returned::Error(f)) if !f.failures.is_empty());
    let right = match sum.timeout + sum.late_others {
        0 => u8::from(index.first(0, failed).is_some()),
        _ => 70,
    };
    if code != right {
        say(all, Property::Sum, format!("of the registry: its exit code is {code}, and should be {right}"));
    }
}

fn numbers(scope: Id, sum: &Sum, all: &mut Vec<Violation>) {
    let Sum { total, joined, timeout, orphaned, .. } = sum;
    if *total != joined + timeout + orphaned {
        let message = format!("of scope {scope}: {total} total is not {joined} + {timeout} + {orphaned}");
        say(all, Property::Sum, message);
    }
    if sum.rows.len() + orphaned != *total {
        let rows = sum.rows.len();
        say(all, Property::Sum, format!("of scope {scope}: {rows} rows for {total} threads"));
    }
}

/// Each row is a thread of the scope, stands once, and says how the thread ended.
fn rows(index: &Index<'_>, scope: Id, place: usize, sum: &Sum, all: &mut Vec<Violation>) {
    let mut seen = BTreeSet::new();
    for (id, ending) in &sum.rows {
        if !seen.insert(id) {
            say(all, Property::Sum, format!("of scope {scope}: t{id} has two rows"));
        }
        let below = index.kin.is_thread(*id) && index.kin.around(*id).contains(&scope);
        if !below || index.making(*id).is_none_or(|making| making > place) {
            say(all, Property::Sum, format!("of scope {scope}: t{id} is none of its threads"));
        } else if !allowed(index, *id).contains(ending) {
            say(all, Property::Sum, format!("of scope {scope}: t{id} did not end as {ending:?}"));
        }
    }
}

/// How a row may say that a thread ended.
fn allowed(index: &Index<'_>, thread: Id) -> Vec<Ending> {
    let mut allowed = Vec::new();
    let home = index.home_of(thread);
    if index.hurried(home) || index.gone(thread).is_none() {
        allowed.extend([Ending::Overdue, Ending::NotHome]);
    }
    if index.kin.is_adopted(thread) {
        // The thread left. Its later fate is not judged.
        allowed.push(Ending::Finished);
        return allowed;
    }
    if index.kin.get(thread).is_some_and(|person| person.kind == Kind::Service) {
        // A report that is made from inside may come before the service is told.
        allowed.push(Ending::NotTold);
    }
    let mut failed = false;
    for place in index.places(thread) {
        match &index.events[*place].what {
            What::Fails(failing) => match failing.how {
                // The thread may have been home when its result was dropped.
                How::Unclaimed => allowed.push(Ending::Panicked),
                // Tasks have no row of their own.
                How::Callback | How::Handed(_) | How::Answered => {}
                How::Stop(Whose::Own) => allowed.push(Ending::Stopped),
                How::Stop(Whose::Unknown) | How::User => {
                    allowed.extend([Ending::Stopped, Ending::Failed]);
                }
                // An error that its scope lists already ended as the listed one did.
                How::Own | How::Passed(_) | How::Stop(Whose::Others) => {
                    failed = true;
                    allowed.extend([Ending::Failed, Ending::Panicked]);
                }
            },
            What::Ends(super::super::log::Finish::Value) => allowed.push(Ending::Finished),
            What::Ends(super::super::log::Finish::Stopped) => allowed.push(Ending::Stopped),
            _ => {}
        }
    }
    if failed {
        allowed.retain(|ending| *ending != Ending::Finished);
    }
    allowed
}

/// When a scope has returned, all threads are home. A thread that was alive at the stop, or came
/// later, has a row.
fn at_the_end(index: &Index<'_>, scope: Id, sum: &Sum, all: &mut Vec<Violation>) {
    if sum.timeout > 0 && !index.hurried(scope) {
        say(
            all,
            Property::Sum,
            format!("of scope {scope}: {} were late, with all the time of the world", sum.timeout),
        );
    }
    if index.kin.get(scope).is_some_and(|person| person.kind == Kind::Group) {
        return;
    }
    let stopped = index.causes(scope).into_iter().filter_map(|cause| cause.end).min();
    for thread in index.threads().filter(|thread| index.kin.around(*thread).contains(&scope)) {
        let alive = stopped.zip(index.gone(thread)).is_some_and(|(stopped, gone)| stopped < gone);
        let counted = sum.rows.iter().any(|(id, _)| *id == thread);
        if alive && index.started(thread).is_some() && !counted {
            say(
                all,
                Property::Sum,
                format!("of scope {scope}: t{thread} was alive during the stop, and is not counted"),
            );
        }
    }
}
