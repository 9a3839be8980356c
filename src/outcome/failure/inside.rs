//! Owns the walks along failures inside failures: the search for a type, the last of a chain, `Debug`, the drop.
//! Refuses to recur: a chain of errors may be longer than the stack.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::{Failure, FailureParts, JoinError, ScopeError, What};
use crate::outcome::marks::uncounted;
use crate::rt::contain::{discard, drop_contained};
use crate::rt::shown::Level;
use crate::sync::local::*;

/// How many errors inside each other are shown; of a longer chain, the last one follows.
pub(crate) const DEEPEST: usize = 8;

impl Failure {
    /// The error as an `E`, also where it came through inner scopes and joins.
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
            if let Some(found) = error.downcast_ref::<E>() {
                return Some(found);
            }
            list.extend(failure.inner().rev());
        }
        None
    }

    /// The failures that its error is made of, if that is one of ours.
    pub(crate) fn inner(&self) -> impl DoubleEndedIterator<Item = &Failure> {
        let error = match &self.parts.what {
            What::Error(error) => error.as_ref(),
            What::Panic { .. } => None,
        };
        let joined = error.and_then(|error| match error.downcast_ref::<JoinError>() {
            Some(JoinError::Failed(failure)) => Some(failure),
            _ => error.downcast_ref::<Failure>(),
        });
        let scope = error.and_then(|error| error.downcast_ref::<ScopeError>());
        joined.into_iter().chain(scope.into_iter().flat_map(ScopeError::failures))
    }

    /// The last of a chain of failures inside each other, as far as they show that, and how many errors deeper it is.
    pub(crate) fn last_inside(&self) -> (usize, &Failure) {
        let chain = std::iter::successors(Some(self), |failure| failure.inner().next());
        chain.enumerate().last().unwrap_or((0, self))
    }

    /// The first error of this type among these failures and those inside them, by value, if nobody else holds its failure.
    pub(super) fn take<E: Error + 'static>(failures: &mut [Failure]) -> Option<E> {
        let mut list: Vec<&mut Failure> = failures.iter_mut().rev().collect();
        while let Some(failure) = list.pop() {
            failure._token = None;
            let Some(parts) = Arc::get_mut(&mut failure.parts) else { continue };
            let What::Error(error) = &mut parts.what else { continue };
            if error.as_ref().is_some_and(|error| error.is::<E>()) {
                return error.take()?.downcast::<E>().ok().map(|boxed| *boxed);
            }
            let inner = error.as_mut().and_then(|error| error.downcast_mut::<ScopeError>());
            list.extend(inner.into_iter().flat_map(|scope| scope.0.failures.iter_mut().rev()));
        }
        None
    }
}

per_thread! {
    /// While this thread drops a failure: what those inside it held, to be dropped after it.
    static WAITING: RefCell<Option<Vec<What>>> = const { RefCell::new(None) };
}

impl Drop for FailureParts {
    /// Error and payload are the user's: what their `Drop` raises ends here. An error may hold failures, whose errors hold failures,
    /// and so on, in whatever wrappers: each waits for its turn, since the chain may be longer than the stack.
    fn drop(&mut self) {
        let mut own = Some(std::mem::replace(&mut self.what, What::Error(None)));
        let is_inside = WAITING.try_with(|waiting| {
            let mut waiting = waiting.borrow_mut();
            match &mut *waiting {
                Some(list) => list.extend(own.take()),
                None => *waiting = Some(Vec::new()),
            }
            own.is_none()
        });
        if is_inside.unwrap_or(false) {
            return;
        }
        let after =
            || WAITING.try_with(|waiting| waiting.borrow_mut().as_mut().and_then(Vec::pop)).ok().flatten();
        uncounted(|| {
            while let Some(what) = own.take().or_else(after) {
                what.dispose();
            }
        });
        let _gone_in_destructors = WAITING.try_with(|waiting| *waiting.borrow_mut() = None);
    }
}

impl What {
    fn dispose(self) {
        discard(match self {
            What::Error(error) => drop_contained(error),
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
