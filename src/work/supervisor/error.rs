//! Owns why a supervisor has not done what it was asked for.
//! Refuses to know the supervisor.

use std::error::Error;
use std::fmt;

use crate::{StartError, Stopped};

/// Why a [`Supervisor`](crate::work::Supervisor) has not done what it was asked for.
///
/// ```
/// use homebound::work::ChildError;
///
/// homebound::scope(|scope| {
///     let sup = scope.supervisor("ingest", "keeps the feed").start()?;
///     assert!(matches!(sup.restart("parser"), Err(ChildError::Unknown)));
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ChildError {
    /// The supervisor has no child of this name that could run again.
    Unknown,
    /// The supervisor has a child of this name.
    Duplicate,
    /// The calling thread was asked to stop; or the supervisor is over, or about to be: then the
    /// reason says why it ended.
    Stopped(Stopped),
    /// The child did not come home within the supervisor's
    /// [`child_grace`](crate::work::SupervisorBuilder::child_grace). It was told to stop, and what
    /// was asked for is done when it comes home.
    Overdue,
    /// The calling thread belongs to a child of this supervisor, which would wait for it.
    WouldDeadlock,
    /// The child did not start.
    Start(StartError),
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildError::Unknown => f.write_str("the supervisor has no child of this name that could run"),
            ChildError::Duplicate => f.write_str("the supervisor has a child of this name already"),
            ChildError::Stopped(stopped) => stopped.fmt(f),
            ChildError::Overdue => f.write_str("the child was told to stop, and is not home in time"),
            ChildError::WouldDeadlock => {
                f.write_str("a child of the supervisor waits for what the supervisor does with its children")
            }
            ChildError::Start(error) => write!(f, "the child did not start: {error}"),
        }
    }
}

impl Error for ChildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ChildError::Stopped(stopped) => Some(stopped),
            ChildError::Start(error) => Some(error),
            ChildError::Unknown | ChildError::Duplicate | ChildError::Overdue | ChildError::WouldDeadlock => {
                None
            }
        }
    }
}

impl From<Stopped> for ChildError {
    fn from(stopped: Stopped) -> ChildError {
        ChildError::Stopped(stopped)
    }
}

/// The failure of a supervisor one of whose children does not come home.
#[derive(Debug)]
pub(super) struct Deaf {
    pub(super) child: String,
    pub(super) grace: std::time::Duration,
}

impl fmt::Display for Deaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} did not stop within {:?}: no second run beside it", self.child, self.grace)
    }
}

impl Error for Deaf {}
