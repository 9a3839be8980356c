//! Owns why a job was not taken, and what becomes of queued jobs at a stop: data for callers.
//! Refuses to decide either: `line` does.

use std::error::Error;
use std::fmt;

use crate::rt::shown::Shown;
use crate::{SpawnError, Stopped};

/// What a pool does with queued jobs when it is told to stop. Jobs that run hear the stop in any
/// case.
///
/// ```
/// use homebound::AtStop;
///
/// homebound::scope(|scope| {
///     let mails = scope.pool("mails", "sends mails").threads(1).at_stop(AtStop::Drain).start()?;
///     for _ in 0..10 {
///         mails.execute(scope.context(), |_| Ok(()))?;
///     }
///     scope.stop(); // all ten are sent, if the grace is long enough
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtStop {
    /// Queued jobs are dropped, on a thread of the pool.
    #[default]
    Drop,
    /// Queued jobs run, and do not see the stop, until the pool's share of the grace is over. Jobs
    /// that are left then are dropped, and counted.
    Drain,
}

/// Why a job was not taken.
///
/// ```
/// use homebound::SubmitError;
///
/// homebound::scope(|scope| {
///     let pool = scope.pool("thumbs", "makes small pictures").start()?;
///     match pool.try_submit(|_| Ok("a.png")) {
///         Ok(job) => println!("{}", job.join()?),
///         Err(SubmitError::Full) => println!("too many pictures, come back later"),
///         Err(error) => Err(error)?, // the stop: end with `?`
///     }
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SubmitError {
    /// The queue has no place.
    Full,
    /// The pool was closed.
    Closed,
    /// The caller, the pool or its scope was told to stop, or the scope is finishing.
    Stopped(Stopped),
    /// The caller runs on a thread of the pool, and would wait for its own pool.
    WouldDeadlock {
        /// The paths of the threads that would wait for each other, the caller first.
        cycle: Vec<String>,
    },
    /// The system refused a thread, and the pool has none.
    Spawn(SpawnError),
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubmitError::Full => f.write_str("the queue of the pool is full"),
            SubmitError::Closed => f.write_str("the pool is closed"),
            SubmitError::Stopped(stopped) => write!(f, "not taken, the pool or the caller is {stopped}"),
            SubmitError::WouldDeadlock { cycle } => {
                write!(f, "a job would wait for its own pool: {}", Shown(cycle.join(" waits for ")))
            }
            SubmitError::Spawn(error) => write!(f, "the pool has no thread: {error}"),
        }
    }
}

impl Error for SubmitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SubmitError::Stopped(stopped) => Some(stopped),
            SubmitError::Spawn(error) => Some(error),
            SubmitError::Full | SubmitError::Closed | SubmitError::WouldDeadlock { .. } => None,
        }
    }
}

impl From<Stopped> for SubmitError {
    fn from(stopped: Stopped) -> SubmitError {
        SubmitError::Stopped(stopped)
    }
}

/// A job that was not taken by [`Pool::offer`](crate::Pool::offer), given back.
///
/// ```
/// homebound::scope(|scope| {
///     let cx = scope.context();
///     let pool = scope.pool("thumbs", "makes small pictures").start()?;
///     // Runs the job here if the pool is full.
///     if let Err(refused) = pool.offer(|_| Ok(())) {
///         (refused.job)(cx)?;
///     }
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
pub struct OfferError<F> {
    /// The job.
    pub job: F,
    /// Why it was not taken.
    pub cause: SubmitError,
}

impl<F> fmt::Debug for OfferError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfferError").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for OfferError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl<F> Error for OfferError<F> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
