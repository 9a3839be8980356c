//! Owns why a retried call has no value.
//! Refuses to decide that: `work::restart::decision` does.

use std::error::Error;
use std::fmt;

use crate::outcome::stopped::Stopped;
use crate::rt::contain::{Payload, drop_contained};
use crate::rt::result::BoxError;
use crate::rt::shown::Level;

/// Why [`Context::retry`](crate::Context::retry) has no value to return.
///
/// ```
/// use homebound::work::{Restart, RetryError};
///
/// homebound::scope(|scope| {
///     let policy = Restart::on_failure().give_up_after(2);
///     let asked = scope.context().retry(&policy, |_| -> homebound::Result { Err("no answer")? });
///     match asked {
///         Ok(()) => println!("answered"),
///         Err(RetryError::GaveUp { tries, last }) => println!("{tries} tries, then {last}"),
///         Err(error) => Err(error)?, // the stop, or an error that `unless` knows
///     }
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
///
/// A program may make such errors itself, one inside of the other. The library shows, searches and
/// drops them without recursion, however deep. A drop in the program's own code recurs, as the drop
/// of any `Box` in a `Box` does.
#[non_exhaustive]
pub enum RetryError {
    /// The context was asked to stop, before a try, in a try, or in a pause.
    Stopped(Stopped),
    /// [`Restart::unless`](crate::work::Restart::unless) knows this error, so there was no further
    /// try.
    Hopeless(BoxError),
    /// The policy allows no further try.
    GaveUp {
        /// The number of calls that were made.
        tries: u32,
        /// The error of the last one.
        last: BoxError,
    },
}

/// Number of `RetryError`s inside of each other, at most, that `Context::retry` makes. They are
/// dropped one inside of the other, and no `Drop` of theirs could take them apart: a type with a
/// `Drop` does not let a `match` move the error out of it.
const DEEPEST: usize = 16;

/// The error of a try, for a new `RetryError`. If it holds as many `RetryError`s as may be, the
/// outermost of them is left out; the error at the bottom stays.
pub(crate) fn bounded(error: BoxError) -> BoxError {
    let (mut depth, mut inner) = (0, &error);
    while let Some(next) = inner.downcast_ref().and_then(RetryError::last).filter(|_| depth < DEEPEST) {
        (depth, inner) = (depth + 1, next);
    }
    if depth < DEEPEST {
        return error;
    }
    // The walk came this deep, so `error` is a `RetryError` with an error inside. The other
    // cases are there for the types alone.
    let outermost = error.downcast().map(|outermost: Box<RetryError>| outermost.into_last());
    outermost.map_or_else(|other| other, |last| last.unwrap_or_else(|| "it was stopped".into()))
}

/// Drops an error that a closure has returned. Returns the payload of a panic in its `Drop`, which
/// is the program's code. The `RetryError`s of a chain are taken apart in a loop, because a program
/// may have made a chain that is longer than the stack.
pub(crate) fn put_away(mut error: BoxError) -> Option<Payload> {
    loop {
        match error.downcast::<RetryError>() {
            Ok(retried) => error = retried.into_last()?,
            Err(other) => return drop_contained(other),
        }
    }
}

impl RetryError {
    /// The last of a chain of `RetryError`s inside each other, and the number of steps to it.
    pub(crate) fn innermost(&self) -> (usize, &RetryError) {
        let chain = std::iter::successors(Some(self), |outer| outer.last()?.downcast_ref());
        chain.enumerate().last().unwrap_or((0, self))
    }

    /// The error of the last try; none after a stop.
    pub(crate) fn last(&self) -> Option<&BoxError> {
        match self {
            RetryError::Stopped(_) => None,
            RetryError::Hopeless(error) | RetryError::GaveUp { last: error, .. } => Some(error),
        }
    }

    /// The same by value.
    pub(crate) fn into_last(self) -> Option<BoxError> {
        match self {
            RetryError::Stopped(_) => None,
            RetryError::Hopeless(error) | RetryError::GaveUp { last: error, .. } => Some(error),
        }
    }
}

impl fmt::Debug for RetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = Level::enter();
        let (deeper, innermost) = self.innermost();
        // At the bound the innermost stands for the chain.
        let (deeper, shown) = if level.0 < DEEPEST { (0, self) } else { (deeper, innermost) };
        let (name, tries, error): (_, _, &dyn fmt::Debug) = match shown {
            RetryError::Stopped(stopped) => ("Stopped", None, stopped),
            RetryError::Hopeless(error) => ("Hopeless", None, error),
            RetryError::GaveUp { tries, last } => ("GaveUp", Some(tries), last),
        };
        let Some(tries) = tries else { return f.debug_tuple(name).field(error).finish() };
        let mut text = f.debug_struct(name);
        if deeper > 0 {
            text.field("errors_deeper", &deeper);
        }
        text.field("tries", tries).field("last", error).finish()
    }
}

impl fmt::Display for RetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A loop, because a program may have nested as many as it likes.
        let mut outer = self;
        loop {
            let inner = match outer {
                RetryError::Stopped(stopped) => return stopped.fmt(f),
                RetryError::Hopeless(error) => {
                    f.write_str("not tried again: ")?;
                    error
                }
                RetryError::GaveUp { tries, last } => {
                    let plural = if *tries == 1 { "y" } else { "ies" };
                    write!(f, "gave up after {tries} tr{plural}: ")?;
                    last
                }
            };
            match inner.downcast_ref() {
                Some(inner) => outer = inner,
                None => return inner.fmt(f),
            }
        }
    }
}

impl Error for RetryError {
    /// The stop, or the error of the last try.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            RetryError::Stopped(stopped) => Some(stopped),
            RetryError::Hopeless(error) | RetryError::GaveUp { last: error, .. } => Some(&**error),
        }
    }
}

impl From<Stopped> for RetryError {
    fn from(stopped: Stopped) -> RetryError {
        RetryError::Stopped(stopped)
    }
}
