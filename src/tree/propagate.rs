//! Owns what a failure does at the moment when it happens: it is listed, it stops scopes, it is logged.
//! Refuses to judge an error, and to mark nodes: `verdict` and the stop tree do.

use std::sync::Arc;

use crate::outcome::failure::{Cause, Failure, Origin};
use crate::outcome::reason::{Stop, StopReason};
use crate::rt::contain::{Payload, discard, log_contained};
use crate::rt::shown::{Shown, shown};
use crate::stop::node::Node;
use crate::stop::wakeups::Calls;
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::panic_hook;
use crate::tree::state::Phase;

impl ScopeCore {
    /// Lists a failure, here and in the scopes that a group is in, and stops them if it is not an isolated one (F1). False if all
    /// of them are over, so that no result will tell of it.
    pub(crate) fn fail(self: &Arc<Self>, failure: &Failure, stops: bool) -> bool {
        if stops {
            self.stopped_with_it().for_each(|core| core.node.announce());
        }
        let (mut told, mut calls) = (false, Calls::default());
        let cause = Stop::new(StopReason::Failed { path: failure.path().to_owned() });
        for core in self.stopped_with_it() {
            // The cause is recorded before the flag is visible (S3).
            let mut state = core.lock();
            told |= state.phase < Phase::Settled;
            state.failures.add(failure.clone());
            drop(state);
            if stops {
                calls.add(core.node.mark_for(cause.clone()));
            }
        }
        // When all are listed and stopped.
        calls.run();
        told
    }

    /// Stops the scopes that a failure stops, before the error is asked what it is: its `source` and its `Drop` are the program's
    /// code, and may take their time. `own` is the node of the closure that returned the error, `path` where it failed.
    ///
    /// Where no stop has come, what a closure returned as an error is a failure, whatever it holds. Where one has come, the error
    /// is a failure if it cannot be that stop, since no proof of the stop is alive, nor a failure that is listed already. Otherwise
    /// only the error itself can tell, and nothing is stopped before it has been asked.
    pub(crate) fn stop_before_judging(self: &Arc<Self>, own: &Node, path: &str, stops: bool) -> Calls {
        let mut calls = Calls::default();
        let in_doubt = || own.hears_of_a_stop() && (own.may_be_in_errors() || self.has_carried_failures());
        if !stops || in_doubt() {
            return calls;
        }
        let cause = Stop::new(StopReason::Failed { path: path.to_owned() });
        for core in self.stopped_with_it() {
            calls.add(core.node.mark_for(cause.clone()));
        }
        calls
    }

    /// The scopes that a failure in this one is listed in, and stops: those that it is in, if it is
    /// a group.
    fn stopped_with_it(self: &Arc<Self>) -> impl Iterator<Item = &Arc<ScopeCore>> {
        std::iter::successors(Some(self), |core| core.parent.as_ref().filter(|_| core.kind == Kind::Group))
    }

    /// True if somebody has an error that carries a failure of it.
    pub(crate) fn has_carried_failures(&self) -> bool {
        self.lock().failures.are_carried()
    }

    /// The listed failure that has this id, or carries it.
    pub(crate) fn known(&self, id: u64) -> Option<Failure> {
        self.lock().failures.find(id).cloned()
    }
}

/// The `Drop` of a capture, a result or a callback of `record`'s panicked: that is a failure too (E4).
pub(crate) fn complain(core: &Arc<ScopeCore>, origin: Origin, payload: Payload, stops: bool) {
    let place = panic_hook::place(&payload);
    let failure = Failure::panic(origin, payload, place);
    match listening(core) {
        Some(core) => {
            core.fail(&failure, stops);
        }
        None => discard(failure.take_payload()),
    }
    log(&failure);
}

/// The scope whose result will tell of it: the handles of a group that is over are dropped in the scope around it.
fn listening(core: &Arc<ScopeCore>) -> Option<&Arc<ScopeCore>> {
    core.stopped_with_it().find(|core| core.lock().phase < Phase::Settled)
}

/// At once, with no lock held: a scope's result may be a long time coming. The subscriber, and the `Display` of the
/// error, are the user's: what they raise ends here.
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
