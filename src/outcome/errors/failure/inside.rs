//! Owns the walks along failures inside failures: the search for a type, the last of a chain,
//! `Debug`, the drop.
//! Refuses to recur, because a chain of errors may be longer than the stack (A5).

use std::cell::RefCell;
use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::{Failure, FailureParts, JoinError, ScopeError, What};
use crate::outcome::errors::gave_up::GaveUp;
use crate::outcome::errors::race_error::RaceError;
use crate::outcome::errors::retried::{self, RetryError};
use crate::outcome::errors::start_error::StartError;
use crate::outcome::marks::uncounted;
use crate::rt::contain::{discard, drop_contained};
use crate::rt::result::BoxError;
use crate::rt::shown::Level;
use crate::sync::local::*;

/// Number of errors inside each other that are shown. If a chain is longer, its last error follows.
pub(crate) const DEEPEST: usize = 8;

impl Failure {
    /// Finds the first error of type `E`, also if it came through inner scopes and joins.
    ///
    /// ```
    /// use std::num::ParseIntError;
    ///
    /// let error = homebound::scope(|_| Ok("12x".parse::<u8>()?)).unwrap_err();
    /// let failure = error.first().expect("one failure");
    /// assert!(failure.downcast_ref::<ParseIntError>().is_some());
    /// ```
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        let mut list = vec![self];
        while let Some(failure) = list.pop() {
            let What::Error(Some(error)) = &failure.parts.what else { continue };
            let inside = || retried(error)?.downcast_ref::<E>();
            if let Some(found) = error.downcast_ref::<E>().or_else(inside) {
                return Some(found);
            }
            // Reversed, because the list is emptied from its end, and the first failure is looked
            // into first.
            list.extend(failure.inner().rev());
        }
        None
    }

    /// The failures inside the error of this failure, if that error is one of homebound's.
    pub(crate) fn inner(&self) -> impl DoubleEndedIterator<Item = &Failure> {
        let error = match &self.parts.what {
            What::Error(error) => error.as_ref(),
            What::Panic { .. } => None,
        };
        // Behind a retry that has given up, the error of its last try.
        let error = error.map(|error| retried(error).unwrap_or(error));
        let one = error.and_then(|error| {
            match (error.downcast_ref::<JoinError>(), error.downcast_ref::<StartError>()) {
                (Some(JoinError::Failed(failure)), _) | (_, Some(StartError::Failed(failure))) => {
                    Some(failure)
                }
                _ => error.downcast_ref::<GaveUp>().map(|gave_up| &gave_up.last).or(error.downcast_ref()),
            }
        });
        let scope = error.and_then(|error| error.downcast_ref::<ScopeError>());
        let race = error.and_then(|error| error.downcast_ref::<RaceError>());
        let many = scope.map(ScopeError::failures).or(race.map(RaceError::failures)).unwrap_or_default();
        one.into_iter().chain(many)
    }

    /// The last of a chain of failures inside each other, and the number of steps to it. The first
    /// failure stands for all that an error holds. A wrapper that hides its source ends the chain.
    pub(crate) fn last_inside(&self) -> (usize, &Failure) {
        let chain = std::iter::successors(Some(self), |failure| failure.inner().next());
        chain.enumerate().last().unwrap_or((0, self))
    }

    /// Takes out the first error of this type among these failures and the failures inside them. An
    /// error whose failure has a clone elsewhere is left there. If there is no such error, nothing
    /// changes: the tokens stay, by which the failures are found in an error that hides them (F3).
    pub(super) fn take<E: Error + 'static>(failures: &mut [Failure]) -> Option<E> {
        let mut list: Vec<&mut Failure> = failures.iter_mut().rev().collect();
        while let Some(failure) = list.pop() {
            // A clone elsewhere still shows this error, so it cannot be taken out.
            let Some(parts) = Arc::get_mut(&mut failure.parts) else { continue };
            let What::Error(error) = &mut parts.what else { continue };
            if error.as_ref().is_some_and(|error| error.is::<E>()) {
                return error.take()?.downcast::<E>().ok().map(|boxed| *boxed);
            }
            if error.as_ref().and_then(retried).is_some_and(|last| last.is::<E>()) {
                let mut last = error.take()?;
                while last.is::<RetryError>() {
                    last = last.downcast::<RetryError>().ok()?.into_last()?;
                }
                return last.downcast::<E>().ok().map(|boxed| *boxed);
            }
            let inner = error.as_mut().and_then(|error| error.downcast_mut::<ScopeError>());
            list.extend(inner.into_iter().flat_map(|scope| scope.0.failures.iter_mut().rev()));
        }
        None
    }
}

/// The error of the last try, if `error` is of a retry that has given up: behind all retries, if
/// the last try was a retry itself, and so on.
fn retried(error: &BoxError) -> Option<&BoxError> {
    error.downcast_ref::<RetryError>()?.innermost().1.last()
}

per_thread! {
    /// Some while this thread drops a failure: the contents of the failures inside it, which are
    /// dropped in turn.
    static WAITING: RefCell<Option<Vec<What>>> = const { RefCell::new(None) };
}

impl Drop for FailureParts {
    /// Drops the error or the payload. A panic in its `Drop`, which is the program's code, ends
    /// here. An error may hold failures whose errors hold failures, and so on, in any wrappers. The
    /// drop of an inner failure only puts its content on a list, and the outermost drop empties the
    /// list, because recursion could be deeper than the stack.
    fn drop(&mut self) {
        let mut own = Some(std::mem::replace(&mut self.what, What::Error(None)));
        let is_inside = WAITING.try_with(|waiting| {
            let mut waiting = waiting.borrow_mut();
            match &mut *waiting {
                // Inside the drop of another failure: leave the content to that drop.
                Some(list) => list.extend(own.take()),
                // The outermost drop: from here on, inner ones find this list.
                None => *waiting = Some(Vec::new()),
            }
            own.is_none()
        });
        // Without the thread-local (in thread-local destructors), each failure is dropped in place.
        if is_inside.unwrap_or(false) {
            return;
        }
        let after =
            || WAITING.try_with(|waiting| waiting.borrow_mut().as_mut().and_then(Vec::pop)).ok().flatten();
        // The borrow is over before `dispose` runs code of the program's, which may drop failures.
        uncounted(|| {
            while let Some(what) = own.take().or_else(after) {
                what.dispose();
            }
        });
        // The next drop on this thread is an outermost one again.
        let _gone_in_destructors = WAITING.try_with(|waiting| *waiting.borrow_mut() = None);
    }
}

impl What {
    fn dispose(self) {
        discard(match self {
            What::Error(error) => error.and_then(retried::put_away),
            What::Panic { payload, .. } => drop_contained(payload.into_inner()),
        });
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::outcome::marks::show();
        let level = Level::enter();
        let mut text = f.debug_struct("Failure");
        text.field("path", &self.path());
        match level.0.cmp(&DEEPEST) {
            Ordering::Less => text.field("cause", &self.cause()),
            Ordering::Equal => {
                let (deeper, last) = self.last_inside();
                text.field("errors_deeper", &deeper).field("cause", &last.cause())
            }
            Ordering::Greater => &mut text,
        };
        text.finish_non_exhaustive()
    }
}
