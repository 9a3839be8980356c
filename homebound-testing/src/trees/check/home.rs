//! Owns the homecoming: no thread, result, callback or OS thread outlives its scope, and no borrow
//! outlives its owner.
//! Refuses to know why a scope returned.

use super::super::index::Index;
use super::super::kin::Kind;
use super::super::log::{Finish, How, What};
use super::super::tree::Id;
use super::{Property, Violation, say};

pub(super) fn check(index: &Index<'_>, all: &mut Vec<Violation>) {
    for thread in index.threads() {
        closure(index, thread, all);
    }
    for (id, person) in index.kin.all() {
        if person.kind == Kind::Callback {
            callback(index, id, person.closure, all);
        }
    }
    for node in &index.observed.alive {
        say(
            all,
            Property::Home,
            format!("the kernel still lists the OS thread of t{node} after the root returned"),
        );
    }
    for event in index.events.iter().filter(|event| matches!(event.what, What::Poisoned)) {
        say(all, Property::Borrowed, format!("t{} saw what it borrowed poisoned", event.node));
    }
}

/// A thread, its captures and its result are gone when its scope, and each scope around it,
/// returns.
fn closure(index: &Index<'_>, thread: Id, all: &mut Vec<Violation>) {
    let (started, gone) = (index.started(thread), index.gone(thread));
    if index.made(thread).is_some() && started.is_none() {
        say(all, Property::Home, format!("t{thread} was spawned, and never ran"));
    }
    if let Some(refused) = index.refused(thread).filter(|_| !index.kin.is_adopted(thread)) {
        // The caller must drop the closure before the call returns, because no other thread would.
        // (P11)
        if started.is_some() || gone.is_none_or(|gone| gone > refused) {
            say(
                all,
                Property::Home,
                format!("t{thread} was refused, and its closure was not dropped at once"),
            );
        }
        return;
    }
    let value = index.first(thread, |what| matches!(what, What::Ends(Finish::Value)));
    let value = value.filter(|_| index.kin.get(thread).is_some_and(|person| person.kind == Kind::Worker));
    // The compiler leaks a result if a capture of the closure panics in its `Drop`
    // (rust-lang/rust#47949).
    let leaked = index.first(thread, |what| matches!(what, What::Fails(failing) if failing.how == How::Own));
    let value = value.filter(|_| leaked.is_none());
    let result_gone = index.first(thread, |what| matches!(what, What::ResultGone));
    for scope in index.kin.around(thread) {
        let Some(returned) = index.returned(scope) else { continue };
        let late = |place: Option<usize>| place.is_none_or(|place| place > returned);
        if started.is_some_and(|started| started > returned) {
            say(all, Property::Home, format!("t{thread} began after its scope {scope} had returned"));
        } else if started.is_some() && late(gone) {
            say(all, Property::Home, format!("t{thread} was still there when its scope {scope} returned"));
        } else if value.is_some() && late(result_gone) && !index.kin.is_group(scope) {
            // A group may be over before the handle of one of its threads. Then the result goes
            // with the handle, or with the scope around the group.
            say(
                all,
                Property::Home,
                format!("the result of t{thread} was still there when scope {scope} returned"),
            );
        }
    }
}

/// A callback runs at most once, not after its guard is gone, and not after its scope has returned.
fn callback(index: &Index<'_>, id: Id, closure: Id, all: &mut Vec<Violation>) {
    let ran: Vec<_> = index.places(id).iter().filter(|p| is_start(&index.events[**p].what)).collect();
    if ran.len() > 1 {
        say(all, Property::Home, format!("callback {id} ran {} times", ran.len()));
    }
    let Some(ran) = ran.first() else { return };
    let home = index.home_of(closure);
    // The end of the closure is no limit: its failure stops its scope, and the thread is not home
    // before that is done.
    let joined = |what: &What| matches!(what, What::Joined { thread, .. } if *thread == closure);
    let joined = index.events.iter().position(|event| joined(&event.what));
    let over = [index.gone(id), index.returned(home), joined];
    if over.iter().flatten().any(|over| over < *ran) {
        say(
            all,
            Property::Home,
            format!("callback {id} ran after its guard, its thread or its scope {home} was gone"),
        );
    }
}

fn is_start(what: &What) -> bool {
    matches!(what, What::Started { .. })
}
