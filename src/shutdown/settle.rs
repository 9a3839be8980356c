//! Owns what is done when all threads of a scope are home: deferred functions, forgotten results, the list of failures.
//! Refuses to wait for anything but for another thread that is settling the same.
//!
//! A group may be settled by the thread that closes it, and by the exit path of a scope around it. One of them does it, whole:
//! it is the group's `settler` from before the first deferred function to after the last. The other waits, so that nobody
//! takes for over what has been taken out of the lists and still runs.

use std::cell::Cell;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::outcome::failure::{ScopeError, ScopeErrorParts};
use crate::outcome::failure_list::Listed;
use crate::outcome::reason::{Stop, StopReason};
use crate::outcome::report::ShutdownReport;
use crate::outcome::stopped::Stopped;
use crate::rt::by_id::ById;
use crate::rt::contain::log_contained;
use crate::rt::shown::shown;
use crate::rt::this_thread;
use crate::shutdown::deferred;
use crate::sync::local::*;
use crate::tree::core::ScopeCore;
use crate::tree::grace::Clock;
use crate::tree::record::Record;
use crate::tree::state::{Deferred, Entry, Phase, State};
use crate::tree::state_lock::Lock;
use crate::tree::tally::Tally;
use crate::tree::{current, guest, result_state};

per_thread! {
    /// How many scopes the calling thread is settling, one inside the other.
    static SETTLING: Cell<usize> = const { Cell::new(0) };
}

/// Settles a group, after all groups in it, the last made first; waits if another thread does so. False if that could be a wait
/// for itself: then it stays in the scope around, which goes on with it.
#[must_use = "a group that is not settled stays in the scope around"]
pub(crate) fn settle(group: &Arc<ScopeCore>) -> bool {
    // A callback, and what is run and dropped here, may be what the other settler waits for.
    settle_all(group, !current::is_guest() && SETTLING.get() == 0)
}

/// Settles a scope on its exit path, with all groups in it. What is borrowed dies next, so it waits for other settlers in any case:
/// each of them is inside of this scope, and waits for nobody around.
pub(crate) fn settle_at_exit(core: &Arc<ScopeCore>) {
    if !settle_all(core, true) {
        crate::sys::die("homebound: a scope ended inside of its own deferred functions");
    }
}

/// True if the calling thread is settling `core` or a scope in it: it runs a deferred function, or drops what was left there.
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

/// Iterative: depth costs no stack. Never unwinds.
fn settle_all(core: &Arc<ScopeCore>, may_wait: bool) -> bool {
    SETTLING.set(SETTLING.get() + 1);
    let _left = scopeguard::guard((), |()| SETTLING.set(SETTLING.get() - 1));
    let mut around = Vec::new();
    let mut next = Some(Arc::clone(core));
    while let Some(core) = next.take() {
        match turn(&core, may_wait) {
            Turn::Own => around.push(core),
            Turn::Over => leave_around(&core, around.last()),
            Turn::Refused => {
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

/// Whose turn it is to settle a scope.
enum Turn {
    Own,
    /// It has been settled.
    Over,
    /// Another's, and the calling thread must not wait for it.
    Refused,
}

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
        // Pairs with `over`.
        core.sleep(seen, None);
    }
}

/// Who waits for its turn looks again. Pairs with `turn`.
fn over(core: &Arc<ScopeCore>) {
    core.lock().settler = None;
    core.wake_drivers();
}

/// The group is over: the scope around it need not look at it again.
fn leave_around(group: &ScopeCore, around: Option<&Arc<ScopeCore>>) {
    let left = around.and_then(|around| around.lock().services.remove(group.id));
    drop(left);
}

/// Nobody will ask this group what failed in it: that is its scope's already, and its rows have been counted there.
pub(crate) fn disown(group: &ScopeCore) {
    group.lock().disowned = true;
    forget_failures(group);
}

/// Whose value is still there is asked for them when it is closed, whoever settled it. The rows keep the group alive.
fn forget_failures(group: &ScopeCore) {
    let mut state = group.lock();
    if state.phase == Phase::Settled && state.disowned {
        let (tally, failures) = (state.tally.take(), std::mem::take(&mut state.failures));
        drop(state);
        drop((tally, failures));
    }
}

/// Runs the deferred functions, empties the result slots or hands them on, closes the node. Afterwards nothing in the record is
/// of `'scope` (invariant 2), and nothing can be added. Does nothing the second time.
fn settle_own(core: &Arc<ScopeCore>) {
    let mut closed = false;
    loop {
        // The lock is free again when the step is taken, because a step runs code of the program's, which may defer more.
        let step = next_step(&mut core.lock(), closed);
        match step {
            Step::Run(deferred) => deferred::run(deferred, core),
            Step::Forget(entries) => {
                entries.into_values().for_each(|entry| result_state::settle(core, entry))
            }
            Step::Close(guests) => {
                // Waits for callbacks that still run, the guests' as well: a panic in there is a failure of this scope.
                if !closed {
                    core.node.close();
                    closed = true;
                }
                guest::send_away(&guests);
            }
            Step::Settled => break,
            Step::WasSettled => return,
        }
    }
    if let Some(parent) = &core.parent {
        parent.lock().scopes.remove(core.id);
    }
    if let Some(runner) = &core.runner {
        runner.core.lock().followers.remove(core.id);
    }
    forget_failures(core);
    log_contained(|| tracing::debug!(target: "homebound::scope", scope = &*shown(core.path()), "closed"));
}

/// What is left to be done in a scope whose threads are home.
enum Step {
    Run(Deferred),
    Forget(ById<Entry>),
    /// Close the node, and send these guests away.
    Close(Vec<Arc<Record>>),
    /// From now on nothing can be added.
    Settled,
    /// By an earlier call.
    WasSettled,
}

/// Takes the next step out of the lists: the deferred functions, the last first, then the entries, then the guests. `closed`: the node is.
fn next_step(state: &mut State, closed: bool) -> Step {
    if let Some(deferred) = state.deferred.pop() {
        return Step::Run(deferred);
    }
    if state.phase == Phase::Settled {
        return Step::WasSettled;
    }
    // Open or finishing to finishing: a group comes here without having been planned by `exit`.
    state.phase = Phase::Finishing;
    if !state.entries.is_empty() {
        return Step::Forget(std::mem::take(&mut state.entries));
    }
    let guests = guest::take_all(state);
    if !closed || !guests.is_empty() {
        return Step::Close(guests);
    }
    // Finishing to settled: all lists are empty under this lock.
    state.phase = Phase::Settled;
    Step::Settled
}

/// How the body ended, besides with a value.
pub(crate) enum BodyEnd {
    Returned,
    Stopped(Stop),
    Failed,
}

/// The scope's error, if it has one: what failed, or the stop that its body returned. Else what it could report.
pub(crate) fn verdict(core: &Arc<ScopeCore>, body: BodyEnd) -> Result<Account, ScopeError> {
    let account = account(core);
    let Listed { failures, first_during_stop, omitted } = core.lock().failures.take(core.node.asked_at());
    let stopped = match body {
        // Made here, on the thread and in the frame that gets it.
        BodyEnd::Stopped(cause) if failures.is_empty() => Some(Stopped::new(cause)),
        BodyEnd::Returned if failures.is_empty() => return Ok(account),
        BodyEnd::Returned | BodyEnd::Stopped(_) | BodyEnd::Failed => None,
    };
    let (path, report) = (core.path().to_owned(), account.into_report());
    Err(ScopeError::new(ScopeErrorParts { path, failures, first_during_stop, omitted, stopped, report }))
}

/// What a scope that is over could report: most are never asked, and a thousand threads are a thousand rows.
pub(crate) enum Account {
    Made(ShutdownReport),
    ToBeMade {
        tally: Option<Tally>,
        others: Vec<Arc<Record>>,
        clock: Clock,
        outer: Option<Instant>,
        reason: Option<StopReason>,
        guests: usize,
    },
}

/// A registry's root keeps its books until the process is put back: its last words may be due while its OS threads end.
fn account(core: &Arc<ScopeCore>) -> Account {
    if core.parent.is_none() && core.root.is_registry() {
        return Account::Made(report(core));
    }
    let (others, reason) = (away(core.listed()), asked(core));
    let mut state = core.lock();
    let (tally, clock, guests) = (state.tally.take(), state.clock, state.guests_left);
    drop(state);
    // The deadline judges rows, and most scopes have none.
    let rows = !others.is_empty() || tally.as_ref().is_some_and(|tally| !tally.is_empty());
    let outer = if rows { core.outer_due() } else { None };
    Account::ToBeMade { tally, others, clock, outer, reason, guests }
}

impl Account {
    pub(crate) fn into_report(self) -> ShutdownReport {
        match self {
            Account::Made(report) => report,
            Account::ToBeMade { tally, others, clock, outer, reason, guests } => {
                let report = tally.map(|tally| tally.report(others, &clock, outer)).unwrap_or_default();
                ShutdownReport { reason, guests, ..report }
            }
        }
    }
}

/// Where the shutdown of this scope stands.
pub(crate) fn report(core: &Arc<ScopeCore>) -> ShutdownReport {
    report_by(core, core.outer_due(), Lock::Waits).unwrap_or_default()
}

/// For *watch*: where its root stands, as far as that can be told without waiting long for locks; `None` if nothing can.
pub(crate) fn report_of_root(root: &Arc<ScopeCore>) -> Option<ShutdownReport> {
    report_by(root, None, Lock::briefly())
}

fn report_by(core: &Arc<ScopeCore>, outer: Option<Instant>, lock: Lock) -> Option<ShutdownReport> {
    let others = away(core.listed_by(lock));
    let state = lock.take(core)?;
    let tally = state.tally.as_ref();
    let report = tally.map(|tally| tally.report(others, &state.clock, outer)).unwrap_or_default();
    drop(state);
    Some(ShutdownReport { reason: asked(core), guests: guest::count(core, lock), ..report })
}

/// All that have an entry, but whoever asks from inside: it cannot be home.
fn away(mut others: Vec<Arc<Record>>) -> Vec<Arc<Record>> {
    if !others.is_empty() {
        let here = crate::tree::current::records();
        others.retain(|record| !here.iter().any(|own| own.id == record.id));
    }
    others
}

fn asked(core: &ScopeCore) -> Option<StopReason> {
    core.node.asked_at().map(|_| (*core.node.reason()).clone())
}
