//! Owns why a retried call has no value.
//! Refuses to decide that: `work::restart::decision` does.

use std::error::Error;
use std::fmt;

use crate::outcome::stopped::Stopped;
use crate::rt::result::BoxError;

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
#[derive(Debug)]
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

impl RetryError {
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

impl fmt::Display for RetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RetryError::Stopped(stopped) => stopped.fmt(f),
            RetryError::Hopeless(error) => write!(f, "not tried again: {error}"),
            RetryError::GaveUp { tries: 1, last } => write!(f, "gave up after 1 try: {last}"),
            RetryError::GaveUp { tries, last } => write!(f, "gave up after {tries} tries: {last}"),
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
