//! Owns what a join gave: what the closure had returned, whatever became of its scope or group meanwhile.
//! Refuses to know what the joiner did with it.

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
        // What its captures raise, as they are dropped, is the failure of a closure that has returned a value.
        Gave::Value => ended(Finish::Value) && failures.next().is_none(),
        // A stop that it was given may be its own.
        Gave::Stopped => {
            let may_be = |how: &How| matches!(how, How::Stop(Whose::Own | Whose::Unknown) | How::User);
            ended(Finish::Stopped) || failures.any(|failing| may_be(&failing.how))
        }
        Gave::Failure(message) => failures.any(|failing| match &failing.how {
            // One that was only passed on is still the same.
            How::Passed(carried) => failing.message == *message || carried.contains(message),
            // It may hold anything.
            How::User => true,
            _ => failing.message == *message,
        }),
    }
}
