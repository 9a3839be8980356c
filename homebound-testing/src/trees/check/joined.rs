//! Owns the results of joins: a join gives the result of the closure, whatever happened to its
//! scope or group meanwhile.
//! Refuses to know how the joiner used it.

use super::super::index::Index;
use super::super::log::{Finish, Gave, How, What, Whose};
use super::super::tree::Id;
use super::{Property, Violation, say};

pub(super) fn check(index: &Index<'_>, all: &mut Vec<Violation>) {
    for event in index.events {
        let What::Joined { thread, gave } = &event.what else { continue };
        if !may_give(index, *thread, gave) {
            say(
                all,
                Property::Given,
                format!("the join of t{thread} gave {gave:?}, which it had not returned"),
            );
        }
    }
}

fn may_give(index: &Index<'_>, thread: Id, gave: &Gave) -> bool {
    let mut failures = index.places(thread).iter().filter_map(|place| match &index.events[*place].what {
        What::Fails(failing) if failing.how != How::Unclaimed => Some(failing),
        _ => None,
    });
    let ended = |finish| index.first(thread, |what| matches!(what, What::Ends(f) if *f == finish)).is_some();
    match gave {
        // A closure that returned a value has failed all the same if one of its captures panics in
        // its drop.
        Gave::Value => ended(Finish::Value) && failures.next().is_none(),
        // A stop that the closure passes on may be its own.
        Gave::Stopped => {
            let may_be = |how: &How| matches!(how, How::Stop(Whose::Own | Whose::Unknown) | How::User);
            ended(Finish::Stopped) || failures.any(|failing| may_be(&failing.how))
        }
        // Only jobs are dropped, or expire.
        Gave::Dropped | Gave::Expired => false,
        Gave::Failure(message) => failures.any(|failing| match &failing.how {
            // An error that was only passed on is still the same failure.
            How::Passed(carried) => failing.message == *message || carried.contains(message),
            // The user's error may hold any failure.
            How::User => true,
            _ => failing.message == *message,
        }),
    }
}
