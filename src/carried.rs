//! Owns the judgement of an error: whether it is a stop, a failure that is listed already, or a new one.
//! Refuses to trust `source()` alone, since many wrappers hide what they hold: where it shows nothing, the living tokens
//! that homebound put into errors are counted before and after the error is dropped.

use std::error::Error;
use std::fmt;

use crate::BoxError;
use crate::chain::{chain, text};
use crate::error::{JoinError, SpawnError, WaitError};
use crate::failure::{Failure, ScopeError};
use crate::reason::Stopped;
use crate::rt::contain::{discard, drop_contained};
use crate::token::{forget_stops, living};

/// What an `Err` is.
pub(crate) enum Verdict {
    /// "I was stopped": never a failure.
    Stopped,
    /// Nothing but failures that are listed already, this one first.
    Listed(Failure),
    /// A failure, with the ids of those that it carries.
    Failure(BoxError, Vec<u64>),
}

/// Judges what the innermost closure of this thread returned. `asked` tells whether its own node was asked to stop,
/// `listed` finds a failure in its scope's list.
pub(crate) fn judge(error: BoxError, asked: bool, listed: impl Fn(u64) -> Option<Failure>) -> Verdict {
    let verdict = judge_shown_first(error, asked, listed);
    if matches!(verdict, Verdict::Failure(..)) {
        forget_stops();
    }
    verdict
}

fn judge_shown_first(error: BoxError, asked: bool, listed: impl Fn(u64) -> Option<Failure>) -> Verdict {
    let shown = shown(&*error);
    if asked && shown.stopped {
        discard(drop_contained(error));
        return Verdict::Stopped;
    }
    if !shown.failures.is_empty() {
        let known: Option<Vec<Failure>> = shown.failures.iter().map(|id| listed(*id)).collect();
        return match known.and_then(|known| known.into_iter().next()) {
            Some(failure) => {
                discard(drop_contained(error));
                Verdict::Listed(failure)
            }
            None => Verdict::Failure(error, shown.failures),
        };
    }
    let before = living();
    if (asked && before.stops > 0) || before.failures.iter().any(|id| listed(*id).is_some()) {
        return judge_by_dropping(error, asked, listed);
    }
    Verdict::Failure(error, Vec::new())
}

/// Something that the closure made is alive, and the error does not show whether it holds it.
fn judge_by_dropping(error: BoxError, asked: bool, listed: impl Fn(u64) -> Option<Failure>) -> Verdict {
    let before = living();
    let kept = Kept::of(&error);
    discard(drop_contained(error));
    let after = living();
    if asked && after.stops < before.stops {
        return Verdict::Stopped;
    }
    let mut carried = before.failures;
    carried.retain(|id| !after.failures.contains(id));
    let known: Option<Vec<Failure>> = carried.iter().map(|id| listed(*id)).collect();
    match known.and_then(|known| known.into_iter().next()) {
        Some(failure) => Verdict::Listed(failure),
        None => Verdict::Failure(Box::new(kept), carried),
    }
}

#[derive(Default)]
struct Shown {
    stopped: bool,
    failures: Vec<u64>,
}

/// What an error shows of itself: ours, or ours behind `source()`. A stop counts if it was made on this thread.
fn shown(error: &(dyn Error + 'static)) -> Shown {
    let mut shown = Shown::default();
    for error in chain(error) {
        let scope = error.downcast_ref::<ScopeError>();
        let join = error.downcast_ref::<JoinError>();
        let stopped = match (error.downcast_ref::<WaitError>(), error.downcast_ref::<SpawnError>(), join) {
            (Some(WaitError::Stopped(stopped)), _, _)
            | (_, Some(SpawnError::Stopped(stopped)), _)
            | (_, _, Some(JoinError::Stopped(stopped))) => Some(stopped),
            _ => error.downcast_ref::<Stopped>().or(scope.and_then(ScopeError::stopped)),
        };
        shown.stopped |= stopped.is_some_and(Stopped::is_from_here);
        if let Some(JoinError::Failed(failure)) = join {
            shown.failures.extend(failure.ids());
        }
        shown.failures.extend(scope.iter().flat_map(|scope| scope.failures()).flat_map(Failure::ids));
    }
    shown
}

/// The text of an error that had to be dropped to learn what it carried: if that was nothing, since the thread keeps a
/// stop or a failure alive somewhere else, its type is lost, its words are not.
#[derive(Debug)]
struct Kept {
    text: String,
}

impl Kept {
    fn of(error: &BoxError) -> Kept {
        Kept { text: text(&**error) }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Kept {}
