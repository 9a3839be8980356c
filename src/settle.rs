//! Owns what is done when all threads of a scope are home: deferred functions, forgotten results, the list of failures.
//! Refuses to wait for anything.

use crate::complaint::complain;
use crate::failure::{ScopeError, ScopeErrorParts};
use crate::failures::Listed;
use crate::homecoming::ShutdownReport;
use crate::members::{Entry, Phase, Served};
use crate::reason::{Stop, StopReason, Stopped};
use crate::record::Record;
use crate::rt::contain::told;
use crate::scope_core::{Kind, ScopeCore};
use crate::shown::shown;
use crate::status::ScopeState;
use crate::sync::planted;
use crate::tally::{Clock, Tally};
use std::mem::replace;
use std::sync::Arc;
use std::time::Instant;

/// Settles a scope, after all groups in it. Those came home while somebody else drove the shutdown, and wait for this;
/// the last made goes first. Iterative: depth costs no stack. Never unwinds.
pub(crate) fn settle(core: &Arc<ScopeCore>) {
    let mut around = Vec::new();
    let mut core = Arc::clone(core);
    loop {
        if let Some(group) = take_last_group(&core) {
            around.push(replace(&mut core, group));
        } else {
            settle_own(&core);
            let Some(outer) = around.pop() else { return };
            core = outer;
        }
    }
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

fn take_last_group(core: &ScopeCore) -> Option<Arc<ScopeCore>> {
    loop {
        let (_, last) = core.lock().services.pop_last()?;
        if let Served::Group(group) = last.what {
            return Some(group);
        }
    }
}

/// Runs the deferred functions, empties the result slots or hands them on, closes the node. Afterwards nothing in the record is
/// of `'scope` (invariant 2), and nothing can be added. Does nothing the second time.
fn settle_own(core: &Arc<ScopeCore>) {
    let mut closed = false;
    loop {
        run_deferred(core);
        let mut state = core.lock();
        if state.phase == Phase::Settled {
            return;
        }
        state.phase = Phase::Finishing;
        if state.deferred.is_empty() && state.entries.is_empty() {
            if closed {
                state.phase = Phase::Settled;
                break;
            }
            drop(state);
            // Callbacks that still run are waited for: what they raise is a failure of this scope.
            core.node.close();
            closed = true;
            continue;
        }
        let entries = std::mem::take(&mut state.entries);
        drop(state);
        // What is dropped here is the user's, and may defer more: then round again.
        entries.into_values().for_each(|entry| forget(core, entry));
    }
    if let Some(parent) = &core.parent {
        parent.lock().scopes.remove(&core.id);
    }
    if let Some(runner) = &core.runner {
        runner.core.lock().followers.remove(&core.id);
    }
    forget_failures(core);
    told(|| tracing::debug!(target: "homebound::scope", scope = &*shown(core.path()), "closed"));
}

fn run_deferred(core: &Arc<ScopeCore>) {
    loop {
        let next = core.lock().deferred.pop();
        let Some(deferred) = next else { return };
        deferred.run(core);
    }
}

/// Nobody joined this thread: its result is dropped, its failure becomes the scope's.
fn forget(core: &Arc<ScopeCore>, entry: Entry) {
    let Some(Entry { record, task }) = hand_on(core, entry) else { return };
    let task = task.filter(|_| !planted("settle-leaves-results"));
    if let Some(payload) = task.as_ref().and_then(|task| task.clear()) {
        complain(core, record.origin(), payload, !record.isolated);
    }
    let unclaimed = record.abandon();
    if let Some(failure) = unclaimed {
        core.fail(&failure, false);
    }
}

/// A group's handles may be joined when it is over: they live as long as the scope around it. That one forgets, in
/// the end, what nobody has joined.
fn hand_on(core: &ScopeCore, entry: Entry) -> Option<Entry> {
    let mut from = core;
    while let Some(around) = from.parent.as_deref().filter(|_| from.kind == Kind::Group) {
        let mut state = around.lock();
        // Who releases it first says so, and then looks for it (`ScopeCore::release`): here it is seen, or the entry there.
        if entry.record.life(|life| life.released) {
            return Some(entry);
        }
        if state.phase < Phase::Settled {
            state.entries.insert(entry.record.id, entry);
            return None;
        }
        drop(state);
        if planted("hand-on-stops-at-the-settled") {
            break;
        }
        from = around;
    }
    Some(entry)
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
    },
}

/// A registry's root keeps its books until the process is put back: its last words may be due while its OS threads end.
fn account(core: &Arc<ScopeCore>) -> Account {
    if core.parent.is_none() && core.root.is_registry() {
        return Account::Made(report(core));
    }
    let (others, outer, reason) = (away(core), core.outer_due(), asked(core));
    let mut state = core.lock();
    Account::ToBeMade { tally: state.tally.take(), others, clock: state.clock, outer, reason }
}

impl Account {
    pub(crate) fn into_report(self) -> ShutdownReport {
        match self {
            Account::Made(report) => report,
            Account::ToBeMade { tally, others, clock, outer, reason } => {
                let report = tally.map(|tally| tally.report(others, &clock, outer)).unwrap_or_default();
                ShutdownReport { reason, ..report }
            }
        }
    }
}

/// Where the shutdown of this scope stands.
pub(crate) fn report(core: &Arc<ScopeCore>) -> ShutdownReport {
    let (others, outer) = (away(core), core.outer_due());
    let state = core.lock();
    let tally = state.tally.as_ref();
    let report = tally.map(|tally| tally.report(others, &state.clock, outer)).unwrap_or_default();
    drop(state);
    ShutdownReport { reason: asked(core), ..report }
}

/// All that have an entry, but whoever asks from inside: it cannot be home.
fn away(core: &Arc<ScopeCore>) -> Vec<Arc<Record>> {
    let mut others = core.listed();
    if !others.is_empty() {
        let here = crate::current::records();
        others.retain(|record| !here.iter().any(|own| own.id == record.id));
    }
    others
}

fn asked(core: &ScopeCore) -> Option<StopReason> {
    core.node.asked_at().map(|_| (*core.node.reason()).clone())
}

/// Where a scope is in its life, for views.
pub(crate) fn stage(core: &ScopeCore, phase: Phase) -> ScopeState {
    match phase {
        Phase::Settled => ScopeState::Ended,
        Phase::Finishing => ScopeState::Finishing,
        Phase::Open if core.node.is_stopping() => ScopeState::Stopping,
        Phase::Open => ScopeState::Open,
    }
}
