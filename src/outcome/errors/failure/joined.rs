//! Owns why a join has no value: the failure of the thread, its stop, or a cycle of joins.
//! Refuses to look into the failure: `inside` does.

use std::error::Error;
use std::fmt;

use super::Failure;
use crate::outcome::stopped::Stopped;
use crate::rt::shown::Shown;

/// Why a join has no value to return.
///
/// ```
/// use homebound::JoinError;
///
/// homebound::scope(|scope| {
///     let parser = scope.thread("parser", "parses a file of a user").isolated();
///     match parser.spawn(|_| Ok("12x".parse::<u8>()?))?.join() {
///         Ok(number) => println!("it is {number}"),
///         Err(JoinError::Failed(failure)) => println!("no number: {failure}"),
///         Err(error) => Err(error)?, // the stop: end with `?`
///     }
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// The thread returned an error or panicked.
    Failed(Failure),
    /// The thread ended because it was asked to stop.
    Stopped(Stopped),
    /// The thread cannot end before the caller does, so the join would never return.
    WouldDeadlock {
        /// The paths of the threads that would wait for each other, the caller first.
        cycle: Vec<String>,
    },
    /// The job of a pool was dropped from the queue, because the pool was told to stop.
    Dropped,
    /// The job of a pool had not begun in time: see
    /// [`Pool::submit_within`](crate::Pool::submit_within).
    Expired,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Failed(failure) => failure.fmt(f),
            JoinError::Stopped(stopped) => write!(f, "the thread ended early, {stopped}"),
            JoinError::Dropped => f.write_str("the job was dropped before it began, its pool was stopped"),
            JoinError::Expired => f.write_str("the job had not begun in time"),
            JoinError::WouldDeadlock { cycle } => {
                write!(f, "joining would wait for ever: {}", Shown(cycle.join(" waits for ")))
            }
        }
    }
}

impl Error for JoinError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            JoinError::Failed(failure) => Some(failure),
            JoinError::Stopped(stopped) => Some(stopped),
            JoinError::WouldDeadlock { .. } | JoinError::Dropped | JoinError::Expired => None,
        }
    }
}
