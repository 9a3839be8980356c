//! Owns the ways of the result of a thread: at the end of the thread, by a join, by the drop of a
//! handle, when the scope is settled.
//! Refuses to run the closure, and to drop values of the program's under a lock.
//!
//! A result has three parts, and each function here treats all of them:
//!
//! - The *outcome* is in the record's `Life`. `ResultState` says which side gets it.
//! - The *value* of a finished thread is in its packet (`rt/packet`), which has a lock of its own.
//!   A closed packet drops a value that comes later.
//! - The *entry* of the scope keeps the packet, until a function here, the next spawn
//!   (`State::reap`) or `settle` takes the entry out.

use std::sync::Arc;

use crate::outcome::errors::failure::{Failure, JoinError};
use crate::outcome::report::shutdown::Ending;
use crate::outcome::stopped::Stopped;
use crate::rt::awake;
use crate::rt::packet::Claim;
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::propagate::complain;
use crate::tree::record::Record;
use crate::tree::result_state::Outcome;
use crate::tree::state::{Entry, Phase};

/// The thread ends: its closure and all that the closure owned are gone. Views cease to show it;
/// its `done` follows.
pub(crate) fn end(record: &Record, outcome: Outcome) {
    let left = record.life(|life| {
        life.ended_at = Some(awake::now());
        life.ending = Some(match outcome.ending() {
            Ending::Finished | Ending::Stopped if life.failed => Ending::Failed,
            ending => ending,
        });
        life.result.end(outcome)
    });
    let unclaimed = unclaimed(record, left);
    record.set_ended();
    list(&record.core, unclaimed);
}

/// A handle takes the result of a thread that has ended.
pub(crate) fn join<T>(record: &Arc<Record>, claim: &(dyn Claim<T> + '_)) -> Result<T, JoinError> {
    // The value first: as soon as the state is `Over`, a thread that settles the group may clear
    // the packet.
    let value = claim.take();
    let outcome = record.life(|life| life.result.take());
    remove_entry(record);
    match (outcome, value) {
        (Some(Outcome::Failed(failure)), _) => Err(JoinError::Failed(failure.marked())),
        (Some(Outcome::Stopped(cause)), _) => Err(JoinError::Stopped(Stopped::new(cause))),
        (_, Some(value)) => Ok(value),
        // The scope was settled before the handle asked, and has dropped the value.
        (_, None) => Err(JoinError::Stopped(record.node.stopped())),
    }
}

/// A handle is dropped without a join: the value is dropped, now or by the thread when it ends, and
/// a failure becomes the scope's.
pub(crate) fn drop_unjoined<T>(record: &Arc<Record>, claim: &(dyn Claim<T> + '_)) {
    let core = &record.core;
    let raised = claim.disown();
    let outcome = record.life(|life| life.result.release());
    list(core, unclaimed(record, outcome));
    if let Some(payload) = raised {
        complain(core, record.origin(), payload, !record.is_isolated());
    }
    remove_entry(record);
}

/// For a thread that is in the tree and has no handle: nothing will ask for its result.
pub(crate) fn without_handle(record: &Record) {
    let _it_runs = record.life(|life| life.result.release());
}

/// A scope whose threads are home gives up an entry: to the scope around, where the handle may
/// still ask for the result. Otherwise no handle asked in time: the value is dropped, and a failure
/// becomes the scope's.
pub(crate) fn settle(core: &Arc<ScopeCore>, entry: Entry) {
    let Some(Entry { record, task }) = hand_on(core, entry) else { return };
    if let Some(payload) = task.as_ref().and_then(|task| task.clear()) {
        complain(core, record.origin(), payload, !record.is_isolated());
    }
    let outcome = record.life(|life| life.result.settle());
    list(core, unclaimed(&record, outcome));
}

/// Hands an entry on to the scope around; returns an entry that stays. The handles of a group live
/// as long as the scope around it, and may be joined when the group is over. The scope around is
/// settled later, and then gives up what no handle has asked for.
fn hand_on(core: &ScopeCore, entry: Entry) -> Option<Entry> {
    let is_released = |entry: &Entry| entry.record.life(|life| life.result.is_released());
    // There is no scope around an owned root. Its threads borrow nothing, so the result stays with
    // the handle.
    if core.is_owned() {
        return Some(entry).filter(is_released);
    }
    let Some(around) = core.parent.as_deref().filter(|_| core.kind == Kind::Group) else {
        return Some(entry);
    };
    let mut state = around.lock();
    // Pairs with `remove_entry`, which looks for the entry after its caller has released the
    // result: so either this sees the release, or `remove_entry` finds the entry in the scope
    // around.
    if is_released(&entry) || state.phase == Phase::Settled {
        return Some(entry);
    }
    state.entries.insert(entry.record.id.0, entry);
    None
}

/// Takes the entry of a released result out of its scope. Called after the release; pairs with
/// `hand_on`.
pub(crate) fn remove_entry(record: &Arc<Record>) {
    // A thread that is not counted out keeps its entry, so that a report finds it. The next spawn
    // or `settle` removes the entry.
    if !record.has_ended() {
        return;
    }
    let mut next = Some(&*record.core);
    while let Some(core) = next {
        let mut state = core.lock();
        let entry = if record.is_home() { state.entries.remove(record.id.0) } else { return };
        drop(state);
        // A group that was settled has handed the entry on.
        next = core.parent.as_deref().filter(|_| entry.is_none() && core.kind == Kind::Group);
        // With no lock held: the entry may be the last owner of what the packet holds.
        drop(entry);
    }
}

/// The failure that the scope gets only now, since it was kept for the handle of an isolated
/// thread. Other failures have been the scope's since they happened; a second listing would count
/// them twice where the list is full.
///
/// Called with no lock held: a full list has not kept the failure, and the last reference drops the
/// program's error.
fn unclaimed(record: &Record, left: Option<Outcome>) -> Option<Failure> {
    match left {
        Some(Outcome::Failed(failure)) if record.is_isolated() => Some(failure),
        Some(_) | None => None,
    }
}

/// Lists a failure in the scope, and stops nothing for it: the thread is isolated.
fn list(core: &Arc<ScopeCore>, unclaimed: Option<Failure>) {
    if let Some(failure) = unclaimed {
        core.fail(&failure, false);
    }
}
