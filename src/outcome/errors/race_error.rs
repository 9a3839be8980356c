//! Owns why a race has no winner, or not enough of them.
//! Refuses to decide that: `work::race` does.

use std::error::Error;
use std::fmt;

use crate::outcome::errors::error::SpawnError;
use crate::outcome::errors::failure::Failure;
use crate::outcome::stopped::Stopped;
use crate::outcome::words::{rails, with_last};
use crate::rt::shown::Lines;

/// Why [`Context::race`](crate::Context::race) or [`quorum`](crate::Context::quorum) has nothing to
/// return. The entrants are home.
///
/// ```
/// use homebound::work::{Race, RaceError};
///
/// homebound::scope(|scope| {
///     let race = Race::new()
///         .add("disk", "looks on the disk", |_| Err("no such file")?)
///         .add("net", "asks the network", |_| -> homebound::Result<u8> { Err("no route")? });
///     match scope.race("find", race) {
///         Ok(found) => println!("found {found}"),
///         Err(RaceError::TooFew { failures, .. }) => {
///             assert_eq!(failures.len(), 2);
///             failures.iter().for_each(|failure| println!("{failure}"));
///         }
///         Err(error) => Err(error)?, // the stop, for one
///     }
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum RaceError {
    /// The context was asked to stop, and so were the entrants.
    Stopped(Stopped),
    /// Entrants were not started, because the system refused threads, or because of a name; and the
    /// others were too few.
    Spawn(SpawnError),
    /// The race has no entrants.
    Empty,
    /// Fewer entrants than wanted can succeed, or something in the scope of the race has failed
    /// that was no entrant. If this error is passed on by `?`, its failures are listed once.
    TooFew {
        /// The number of successes that were wanted.
        wanted: usize,
        /// What failed, in the order in which it did. Entrants that were still running are not
        /// among them: they were told to stop.
        failures: Vec<Failure>,
    },
}

impl RaceError {
    /// The failures that the error carries.
    pub(crate) fn failures(&self) -> &[Failure] {
        match self {
            RaceError::TooFew { failures, .. } => failures,
            RaceError::Stopped(_) | RaceError::Spawn(_) | RaceError::Empty => &[],
        }
    }
}

impl fmt::Display for RaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RaceError::Stopped(stopped) => write!(f, "the race was {stopped}"),
            RaceError::Spawn(error) => error.fmt(f),
            RaceError::Empty => f.write_str("the race has no entrants"),
            RaceError::TooFew { wanted, failures } => {
                let plural = if failures.len() == 1 { "" } else { "s" };
                write!(f, "the race has fewer than {wanted} successes: {} failure{plural}", failures.len())?;
                for (failure, last) in with_last(failures) {
                    let (branch, below) = rails("", last);
                    write!(f, "\n{branch}{}", Lines { text: failure, rail: &below })?;
                }
                Ok(())
            }
        }
    }
}

impl Error for RaceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            RaceError::Stopped(stopped) => Some(stopped),
            RaceError::Spawn(error) => Some(error),
            // A source can be one error only, so several failures are shown by `Display` alone.
            RaceError::TooFew { failures, .. } => match &**failures {
                [only] => Some(only),
                _ => None,
            },
            RaceError::Empty => None,
        }
    }
}

impl From<Stopped> for RaceError {
    fn from(stopped: Stopped) -> RaceError {
        RaceError::Stopped(stopped)
    }
}

impl From<SpawnError> for RaceError {
    fn from(error: SpawnError) -> RaceError {
        RaceError::Spawn(error)
    }
}
