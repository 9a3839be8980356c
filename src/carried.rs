//! Owns the count of what an error carries: stops and failures that homebound put into errors on this thread.
//! Refuses to look into an error: wrappers hide what they hold (`source()` walks were tried, and fail), so the living
//! tokens are counted before and after it is dropped.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Weak};

use crate::BoxError;
use crate::failure::Failure;
use crate::rt::contain::{contain, discard, drop_contained};

thread_local! {
    static LIVING: RefCell<Living> = RefCell::default();
}

#[derive(Default)]
struct Living {
    /// Each [`StopMark`] made here holds a clone.
    stops: Arc<()>,
    /// Of each [`FailureMark`] made here.
    failures: Vec<Weak<Vec<u64>>>,
}

impl Living {
    fn stops(&self) -> usize {
        Arc::strong_count(&self.stops) - 1
    }

    fn failures(&self) -> Vec<u64> {
        self.failures.iter().filter_map(Weak::upgrade).flat_map(|ids| ids.to_vec()).collect()
    }
}

/// Held by every `Stopped`: counted on the thread that made it, wherever its clones go.
#[derive(Clone)]
pub(crate) struct StopMark {
    _living: Arc<()>,
}

impl StopMark {
    /// In a thread-local destructor there is no count any more; no closure's result is judged then either.
    pub(crate) fn new() -> StopMark {
        let shared = LIVING.try_with(|living| Arc::clone(&living.borrow().stops));
        StopMark { _living: shared.unwrap_or_default() }
    }
}

/// Held by every error that hands on failures which a scope has listed.
#[derive(Clone)]
pub(crate) struct FailureMark {
    _living: Arc<Vec<u64>>,
}

impl FailureMark {
    pub(crate) fn new(ids: Vec<u64>) -> FailureMark {
        let ids = Arc::new(ids);
        let _gone_in_destructors = LIVING.try_with(|living| {
            let known = &mut living.borrow_mut().failures;
            known.retain(|mark| mark.strong_count() > 0);
            known.push(Arc::downgrade(&ids));
        });
        FailureMark { _living: ids }
    }
}

/// A job starts on this thread: what an earlier one left alive is not its own.
pub(crate) fn begin() {
    let _gone_in_destructors = LIVING.try_with(|living| living.take());
}

/// What an `Err` is.
pub(crate) enum Verdict {
    /// "I was stopped": never a failure.
    Stopped,
    /// Nothing but a failure that is listed already: this one.
    Listed(Failure),
    /// A failure, with the ids of those that it carries.
    Failure(BoxError, Vec<u64>),
}

/// Judges what a closure of this thread returned. `asked` tells whether its own node was asked to stop, `listed`
/// finds a failure in the scope's list.
pub(crate) fn judge(error: BoxError, asked: bool, listed: impl Fn(u64) -> Option<Failure>) -> Verdict {
    let (stops, failures) = count();
    let suspicious = (asked && stops > 0) || failures.iter().any(|id| listed(*id).is_some());
    if !suspicious {
        return Verdict::Failure(error, failures);
    }
    let kept = Kept::of(&error);
    if let Some(payload) = drop_contained(error) {
        discard(payload);
    }
    let (stops_left, failures_left) = count();
    let carried: Vec<u64> = failures.into_iter().filter(|id| !failures_left.contains(id)).collect();
    if asked && stops_left < stops {
        return Verdict::Stopped;
    }
    match carried.iter().find_map(|id| listed(*id)) {
        Some(failure) => Verdict::Listed(failure),
        None => Verdict::Failure(Box::new(kept), carried),
    }
}

fn count() -> (usize, Vec<u64>) {
    let counted = LIVING.try_with(|living| (living.borrow().stops(), living.borrow().failures()));
    counted.unwrap_or_default()
}

/// The text of an error that had to be dropped to learn that it carried nothing, while the thread kept a stop alive
/// somewhere else: its type is lost, its words are not.
#[derive(Debug)]
struct Kept {
    text: String,
}

impl Kept {
    fn of(error: &BoxError) -> Kept {
        let text = contain(|| format!("{error:#}")).unwrap_or_else(|payload| {
            discard(payload);
            "an error whose Display panicked".to_owned()
        });
        Kept { text }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Kept {}
