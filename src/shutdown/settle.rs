//! Owns the settling of a scope whose threads are home: its deferred functions, the results that no
//! handle asked for, the values that it keeps, and its list of failures.
//! Refuses to wait, except for another thread that settles the same scope.
//!
//! Two threads may come to settle one group: the thread that closes it, and the exit path of a
//! scope around it. One of them settles the whole group. That thread is the group's `settler` from
//! before the first deferred function until after the last. The other thread waits, because a
//! deferred function that has left the list may still run, and its group must not count as over
//! until then.

use std::cell::Cell;
use std::sync::{Arc, Weak};

use smallvec::SmallVec;

use crate::outcome::errors::failure::{Origin, ScopeError, ScopeErrorParts};
use crate::outcome::errors::failure_list::Listed;
use crate::outcome::reason::Stop;
use crate::outcome::stopped::Stopped;
use crate::rt::by_id::ById;
use crate::rt::contain::{drop_contained, log_contained};
use crate::rt::shown::shown;
use crate::rt::this_thread;
use crate::shutdown::deferred;
use crate::shutdown::reporting::report;
use crate::sync::local::*;
use crate::tree::core::ScopeCore;
use crate::tree::propagate::complain;
use crate::tree::record::Record;
use crate::tree::state::{Deferred, Entry, KeptValue, Phase, State};
use crate::tree::{current, guest, results};

per_thread! {
    /// The number of scopes that the calling thread is settling, one inside the other. Only this
    /// thread writes and reads it.
    static SETTLING: Cell<usize> = const { Cell::new(0) };
}

/// Settles a group, after all groups inside it, the last made first. Blocks while another thread
/// settles it. False if the calling thread might wait for itself: then the group stays in the scope
/// around, whose exit path settles it.
#[must_use = "a group that is not settled stays in the scope around"]
pub(crate) fn settle(group: &Arc<ScopeCore>) -> bool {
    // Inside a callback, a deferred function or a drop that settling runs, this thread may not
    // wait: the other settler may be waiting for that very code to return.
    settle_all(group, !current::is_in_callback() && SETTLING.get() == 0)
}

/// Settles a scope on its exit path, with all groups inside it. The values that its threads
/// borrowed die next, so this call waits for other settlers in any case. The wait ends, because
/// each of those settlers is inside this scope, and waits for no thread outside of it.
pub(crate) fn settle_at_exit(core: &Arc<ScopeCore>) {
    if !settle_all(core, true) {
        crate::sys::die("homebound: a scope ended inside of its own deferred functions");
    }
}

/// True if the calling thread is settling `core` or a scope inside it: then the thread runs a
/// deferred function there, or drops a result that was left there.
pub(crate) fn is_settling_in(core: &Arc<ScopeCore>) -> bool {
    let mut list = Vec::new();
    if SETTLING.get() > 0 {
        list.push(Arc::clone(core));
    }
    while let Some(core) = list.pop() {
        let state = core.lock();
        if state.settler == Some(this_thread::number()) {
            return true;
        }
        list.extend(state.scopes.values().filter_map(Weak::upgrade));
    }
    false
}

/// Settles `core` after every group inside it; false if `turn` refused one of them. A loop with a
/// list, so that the depth of the tree costs no stack. Never unwinds.
fn settle_all(core: &Arc<ScopeCore>, may_wait: bool) -> bool {
    SETTLING.set(SETTLING.get() + 1);
    let _left = scopeguard::guard((), |()| SETTLING.set(SETTLING.get() - 1));
    // The scopes that this thread has claimed, from `core` inwards: most often `core` alone.
    let mut around = SmallVec::<[Arc<ScopeCore>; 4]>::new();
    let mut next = Some(Arc::clone(core));
    while let Some(core) = next.take() {
        match turn(&core, may_wait) {
            Turn::Own => around.push(core),
            Turn::Over => leave_around(&core, around.last()),
            Turn::Refused => {
                // Gives every claim back, so that the exit path can settle these scopes.
                around.iter().for_each(over);
                return false;
            }
        }
        while next.is_none() {
            let Some(innermost) = around.last() else { break };
            next = innermost.lock().services.last_group();
            let done = if next.is_none() { around.pop() } else { None };
            if let Some(core) = done {
                settle_own(&core);
                over(&core);
                leave_around(&core, around.last());
            }
        }
    }
    true
}

/// The answer to a thread that comes to settle a scope.
enum Turn {
    /// The calling thread is the settler now.
    Own,
    /// The scope has been settled.
    Over,
    /// Another thread is the settler, and the calling thread must not wait for it.
    Refused,
}

/// Claims `core` for the calling thread. Blocks while another thread is its settler, if `may_wait`.
fn turn(core: &Arc<ScopeCore>, may_wait: bool) -> Turn {
    loop {
        let seen = core.changes();
        let mut state = core.lock();
        match state.settler {
            None if state.phase == Phase::Settled => return Turn::Over,
            None => {
                state.settler = Some(this_thread::number());
                return Turn::Own;
            }
            Some(settler) if !may_wait || settler == this_thread::number() => return Turn::Refused,
            Some(_) => {}
        }
        drop(state);
        // Pairs with `over`, which removes the settler before it wakes. `seen` was read before the
        // look above, so a wake-up after that look ends this sleep.
        core.sleep(seen, None);
    }
}

/// Gives the claim of the calling thread back, and wakes the threads that wait in `turn`. Pairs
/// with the sleep there.
fn over(core: &Arc<ScopeCore>) {
    core.lock().settler = None;
    core.wake_drivers();
}

/// Removes a settled group from the scope around it, which has no more work with it.
fn leave_around(group: &ScopeCore, around: Option<&Arc<ScopeCore>>) {
    let left = around.and_then(|around| around.lock().services.remove(group.id));
    drop(left);
}

/// To be called when no value is left that could ask this group for its failures. The scopes around
/// have listed each of them already, and have counted the group's rows.
pub(crate) fn disown(group: &ScopeCore) {
    group.lock().disowned = true;
    forget_failures(group);
}

/// Drops the failures and rows of a settled group that is disowned. As long as the `Group` value
/// exists, `close()` may still ask for the failures. After that they must go, because the rows hold
/// `Arc`s of the group and would keep it alive.
fn forget_failures(group: &ScopeCore) {
    let mut state = group.lock();
    if state.phase == Phase::Settled && state.disowned {
        let counted = (state.tally.take(), std::mem::take(&mut state.recent));
        let failures = std::mem::take(&mut state.failures);
        drop(state);
        drop((counted, failures));
    }
}

/// Runs the deferred functions, empties the result slots or hands them on, closes the node, and
/// drops the kept values.
/// Afterwards the record holds nothing of `'scope` (invariant 2), and nothing can be added to it. A
/// second call does nothing.
fn settle_own(core: &Arc<ScopeCore>) {
    let mut closed = false;
    loop {
        // The step is taken without the lock, because it runs code of the program's. That code may
        // defer more functions, which is the reason for the loop.
        let step = next_step(&mut core.lock(), closed);
        match step {
            Step::Run(deferred) => deferred::run(deferred, core),
            Step::Forget(entries) => entries.into_values().for_each(|entry| results::settle(core, entry)),
            Step::Close(guests) => {
                // `close` waits for the callbacks that still run, because a panic in one of them is
                // a failure of this scope. `send_away` waits for those of the guests.
                if !closed {
                    core.node.close();
                    closed = true;
                }
                guest::send_away(&guests);
            }
            Step::Drop(kept) => drop_kept(kept, core),
            Step::Settled => break,
            Step::WasSettled => return,
        }
    }
    core.parent.iter().for_each(|around| core.hand_on(around));
    if let Some(runner) = &core.runner {
        runner.core.lock().followers.remove(core.id);
    }
    forget_failures(core);
    log_contained(|| tracing::debug!(target: "homebound::scope", scope = &*shown(core.path()), "closed"));
}

/// Drops a kept value. A panic of its `Drop` is a failure of the scope (E4).
fn drop_kept(kept: KeptValue, core: &Arc<ScopeCore>) {
    let KeptValue { value, at } = kept;
    if let Some(payload) = drop_contained(value) {
        let origin = Origin {
            id: None,
            path: core.path().to_owned(),
            name: core.name.clone(),
            purpose: "drop of a kept value".into(),
            spawned_from: at,
            notes: Vec::new(),
        };
        complain(core, origin, payload, true);
    }
}

/// The next step in settling a scope whose threads are home.
enum Step {
    /// Run this deferred function.
    Run(Deferred),
    /// Empty the result slots of these threads, or hand the results on.
    Forget(ById<Entry>),
    /// Close the node, if it is open, and send these guests away.
    Close(Vec<Arc<Record>>),
    /// Drop this value, which nothing refers to any more (invariant 7 of `rt`).
    Drop(KeptValue),
    /// Done: from now on nothing can be added.
    Settled,
    /// An earlier call has settled the scope.
    WasSettled,
}

/// Takes the next step out of the lists: the deferred functions, the last first, then the entries,
/// then the guests, then the kept values, the last first. `closed` tells that the node has been
/// closed.
fn next_step(state: &mut State, closed: bool) -> Step {
    if let Some(deferred) = state.deferred.pop() {
        return Step::Run(deferred);
    }
    if state.phase == Phase::Settled {
        return Step::WasSettled;
    }
    // Open to finishing, or finishing already. A group that is closed comes here while it is open,
    // because `order::plan` leaves the phase of a group alone.
    state.phase = Phase::Finishing;
    if !state.entries.is_empty() {
        return Step::Forget(std::mem::take(&mut state.entries));
    }
    let guests = guest::take_all(state);
    if !closed || !guests.is_empty() {
        return Step::Close(guests);
    }
    // All else that may refer to a kept value is over: closures, deferred functions, results. The
    // value itself is `'static`, so its `Drop` refers to no other kept value, and adds nothing that
    // does.
    if let Some(kept) = state.kept.pop() {
        return Step::Drop(kept);
    }
    // Finishing to settled: all lists are empty under this lock.
    state.phase = Phase::Settled;
    Step::Settled
}

/// How the body of a scope ended.
pub(crate) enum BodyEnd {
    Returned,
    Stopped(Stop),
    Failed,
}

/// The error of a scope that is over: its failures, or the stop that its body returned. The report
/// is made for an error only, because most reports are never asked for, and the rows of a thousand
/// threads cost time. A caller that wants it in any case makes it before it vacates the scope.
pub(crate) fn verdict(core: &Arc<ScopeCore>, body: BodyEnd) -> Result<(), ScopeError> {
    let Listed { failures, first_during_stop, omitted } = core.lock().failures.take(core.node.asked_at());
    let stopped = match body {
        // The `Stopped` is made here, on the thread that gets it, because a `Stopped` knows its
        // thread.
        BodyEnd::Stopped(cause) if failures.is_empty() => Some(Stopped::new(cause)),
        BodyEnd::Returned if failures.is_empty() => return Ok(()),
        BodyEnd::Returned | BodyEnd::Stopped(_) | BodyEnd::Failed => None,
    };
    let (path, report) = (core.path().to_owned(), report(core));
    Err(ScopeError::new(ScopeErrorParts { path, failures, first_during_stop, omitted, stopped, report }))
}
