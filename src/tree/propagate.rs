//! Owns the effect of a failure when it happens: the failure is listed, stops scopes, and is
//! logged.
//! Refuses to judge an error, and to mark nodes: `classify` and the stop tree do.

use std::sync::Arc;

use crate::outcome::errors::failure::{Cause, Failure, Origin};
use crate::outcome::reason::{Stop, StopReason};
use crate::rt::contain::{Payload, discard, log_contained};
use crate::rt::shown::{Shown, shown};
use crate::stop::calls::Calls;
use crate::stop::node::Node;
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::panic_hook;
use crate::tree::record::Record;
use crate::tree::state::Phase;

impl ScopeCore {
    /// Lists a failure in this scope and in the scopes around a group, and stops them if `stops`
    /// (F1). False if all of them are over, so that no result will list it.
    pub(crate) fn fail(self: &Arc<Self>, failure: &Failure, stops: bool) -> bool {
        if stops {
            self.announce_all();
        }
        let (mut listed, mut calls) = (false, Calls::default());
        let cause = Stop::new(StopReason::Failed { path: failure.path().to_owned() });
        for core in self.stopped_with_it() {
            // The cause is recorded before the flag is visible (S3).
            let mut state = core.lock();
            listed |= state.phase < Phase::Settled;
            state.failures.add(failure.clone());
            drop(state);
            if stops && core.is_stopped_by_its_own() {
                calls.add(core.node.mark_for(cause.clone()));
            }
        }
        // After all are listed and stopped, because a call is code of the program's (F1).
        calls.run();
        listed
    }

    /// A closure has returned an error: if it can only be a failure, this stops the scopes that a
    /// failure stops. The table says when that is certain. Called before `classify` asks the error
    /// what it is, because `source` and `Drop` of the error are the program's code, and may take
    /// their time. `own` is the node of the closure, `path` the place of the failure.
    ///
    /// | has a stop come? | may the error hold a proof of it, or a listed failure? | the error is |
    /// |---|---|---|
    /// | no | | a failure |
    /// | yes | no: no proof is alive, and no error holds a listed failure | a failure |
    /// | yes | yes | for `classify` to say, so this function stops nothing |
    pub(crate) fn stop_before_judging(self: &Arc<Self>, own: &Node, path: &str, stops: bool) -> Calls {
        let mut calls = Calls::default();
        let in_doubt = || own.hears_of_a_stop() && (own.may_be_in_errors() || self.has_carried_failures());
        if !stops || in_doubt() {
            return calls;
        }
        self.announce_all();
        let cause = Stop::new(StopReason::Failed { path: path.to_owned() });
        for core in self.stopped_with_it().filter(|core| core.is_stopped_by_its_own()) {
            calls.add(core.node.mark_for(cause.clone()));
        }
        calls
    }

    /// Announces the stop to all scopes that a failure of this one stops. Called before the first
    /// lock is taken for that stop, the lock of a group included, so that the process ends in time
    /// although a holder of a lock is stuck (A2).
    fn announce_all(self: &Arc<Self>) {
        self.stopped_with_it().for_each(|core| core.node.announce());
    }

    /// The scopes that list a failure of this one and are stopped by it: this one, and if it is a
    /// group, the scope that the group is in, and so on.
    fn stopped_with_it(self: &Arc<Self>) -> impl Iterator<Item = &Arc<ScopeCore>> {
        std::iter::successors(Some(self), |core| core.parent.as_ref().filter(|_| core.kind == Kind::Group))
    }

    /// False for a pool: a job that fails stops the scope, which tells the pool after all callers
    /// that may submit.
    fn is_stopped_by_its_own(&self) -> bool {
        self.pool.get().is_none()
    }

    /// True if an error is alive that carries a failure of this scope.
    pub(crate) fn has_carried_failures(&self) -> bool {
        self.lock().failures.are_carried()
    }

    /// The listed failure that has this id, or carries it.
    pub(crate) fn known(&self, id: u64) -> Option<Failure> {
        self.lock().failures.find(id).cloned()
    }
}

/// Makes a failure of a panic in the `Drop` of a capture, a result or a callback (E4).
pub(crate) fn complain(core: &Arc<ScopeCore>, origin: Origin, payload: Payload, stops: bool) {
    if stops {
        // `listening` takes locks before `fail` announces.
        core.announce_all();
    }
    let place = panic_hook::place(&payload);
    let failure = Failure::panic(origin, payload, place);
    match listening(core) {
        Some(core) => {
            core.fail(&failure, stops);
        }
        // All scopes are over, so no result will list it; the log below has it.
        None => discard(failure.take_payload()),
    }
    log(&failure);
}

/// The innermost scope whose result will list the failure. A handle of a group that is over is
/// dropped in the scope around, which lists it then.
fn listening(core: &Arc<ScopeCore>) -> Option<&Arc<ScopeCore>> {
    core.stopped_with_it().find(|core| core.lock().phase < Phase::Settled)
}

/// Logs a failure of a run that another run may follow. Called with no lock held.
pub(crate) fn log_answered(failure: &Failure, run: u64, text: &str) {
    log_contained(|| {
        tracing::error!(
            target: "homebound::thread",
            path = &*shown(failure.path()),
            thread.name = &*shown(failure.name()),
            thread.id = failure.thread_id().map(|id| id.0),
            run,
            failure = &*shown(text),
            "a run failed"
        );
    });
}

/// Logs a failure of `record` when it happens: as an error, or as a warning if another thread may
/// make up for it.
pub(crate) fn log_of(record: &Record, failure: &Failure) {
    if !record.traits.competing {
        return log(failure);
    }
    log_contained(|| {
        tracing::warn!(
            target: "homebound::thread",
            path = &*shown(failure.path()),
            thread.name = &*shown(failure.name()),
            thread.id = failure.thread_id().map(|id| id.0),
            error = %Shown(failure),
            "failed in a race"
        );
    });
}

/// Logs a failure at once, because the result of the scope may be a long time coming. Called with
/// no lock held: the subscriber, and the `Display` of the error, are the program's. A panic in them
/// ends here.
pub(crate) fn log(failure: &Failure) {
    log_contained(|| match failure.cause() {
        Cause::Panic { message, location } => tracing::error!(
            target: "homebound::thread",
            path = &*shown(failure.path()),
            thread.name = &*shown(failure.name()),
            thread.id = failure.thread_id().map(|id| id.0),
            location = location.unwrap_or("unknown"),
            panic = &*shown(message),
            "panicked"
        ),
        Cause::Error(error) => tracing::error!(
            target: "homebound::thread",
            path = &*shown(failure.path()),
            thread.name = &*shown(failure.name()),
            thread.id = failure.thread_id().map(|id| id.0),
            error = %Shown(error),
            "failed"
        ),
    });
}
