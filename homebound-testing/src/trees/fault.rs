//! Owns the failures of steps, and how a failure is recognised: its message begins with the number
//! of its step.
//! Refuses to know which failures are to be expected.

use std::any::Any;
use std::error::Error;
use std::fmt;

use super::log::{How, Whose, number_in};
use super::tree::{Errors, Id};
use homebound::work::RaceError;
use homebound::{BoxError, Cause, Failure, JoinError, ScopeError, StopReason, Stopped, WaitError};

/// The error of a step.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) node: Id,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} fails", self.node)
    }
}

impl Error for Fault {}

/// Ends the calling closure by a panic of this step.
pub(super) fn fail_by_panic(node: Id) {
    panic!("step {node} panics");
}

/// The step that a panic names.
pub(super) fn message_in(payload: &(dyn Any + Send)) -> Option<Id> {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&'static str>().copied())?;
    number_in(text.strip_prefix("step ")?)
}

/// The step that a failure names. For the user's own failure: the step of the thread.
pub(super) fn message_of(failure: &Failure) -> Id {
    let text = match failure.cause() {
        Cause::Error(error) => error.to_string(),
        Cause::Panic { message, .. } => message.to_owned(),
        _ => failure.to_string(),
    };
    let ours = text.starts_with("step ").then(|| number_in(&text)).flatten();
    ours.or_else(|| number_in(failure.name())).unwrap_or(Id::MAX)
}

/// An error that a step was given, on its way out of the closure. It shows or hides the error that
/// it wraps.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) node: Id,
    pub(super) error: BoxError,
    pub(super) hides: bool,
    pub(super) how: How,
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} passes on: {}", self.node, self.error)
    }
}

impl Error for Passed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        (!self.hides).then_some(&*self.error as &(dyn Error + 'static))
    }
}

/// Handles an error that a step of `node`'s closure was given. `asked` returns the reason for which
/// the closure was asked to stop.
pub(super) fn pass(
    node: Id,
    errors: Errors,
    asked: impl FnOnce() -> Option<StopReason>,
    error: impl Into<BoxError>,
) -> homebound::Result {
    if errors == Errors::Ignore {
        return Ok(());
    }
    let error = error.into();
    let how = carried(&*error).map_or_else(|| How::Stop(whose(&*error, asked())), How::Passed);
    Err(Box::new(Passed { node, error, hides: errors == Errors::Hide, how }))
}

/// The owner of the stop that the error carries, seen from a closure that was asked to stop for the
/// reason `asked`. Equal reasons mean equal stops, because a step stops with its own number only
/// once, and a vital thread ends once.
fn whose(error: &(dyn Error + Send + Sync + 'static), asked: Option<StopReason>) -> Whose {
    let carried = match (error.downcast_ref::<ScopeError>(), error.downcast_ref::<JoinError>()) {
        (Some(scope), _) => scope.stop_reason(),
        (_, Some(JoinError::Stopped(stopped))) => Some(stopped.reason()),
        _ => None,
    };
    let (Some(carried), Some(own)) = (carried.map(root), asked.as_ref().map(root)) else {
        return Whose::Unknown;
    };
    match (carried == own, own) {
        (false, _) => Whose::Others,
        (true, StopReason::Custom(_) | StopReason::Vital { .. }) => Whose::Own,
        (true, _) => Whose::Unknown,
    }
}

fn root(reason: &StopReason) -> &StopReason {
    match reason {
        StopReason::Parent(around) => root(around),
        _ => reason,
    }
}

/// The failures in an error. `None` if it holds a stop, or is the user's and may hold one.
pub(super) fn carried(error: &(dyn Error + Send + Sync + 'static)) -> Option<Vec<Id>> {
    if let Some(scope) = error.downcast_ref::<ScopeError>() {
        let failures = scope.failures();
        return (!failures.is_empty()).then(|| failures.iter().map(message_of).collect());
    }
    // No scope lists the failures of a race, so its error is a failure of its own.
    if let Some(RaceError::TooFew { .. }) = error.downcast_ref() {
        return Some(Vec::new());
    }
    match error.downcast_ref::<JoinError>()? {
        JoinError::Failed(failure) => Some(vec![message_of(failure)]),
        JoinError::Stopped(_) => None,
        _ => Some(Vec::new()),
    }
}

/// True for the error that `checkpoint` or a wait returns.
pub(super) fn is_stop(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    error.is::<Stopped>() || matches!(error.downcast_ref::<WaitError>(), Some(WaitError::Stopped(_)))
}

/// The step that gave its number as the reason of a stop.
pub(super) fn stopper_in(reason: &StopReason) -> Option<Id> {
    match reason {
        StopReason::Custom(why) => why.strip_prefix("step ").and_then(number_in),
        _ => None,
    }
}
