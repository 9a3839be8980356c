//! Owns how a job ended.
//! Refuses to know which side asks for it: `packet` does.

use super::parts::Ending;
use crate::outcome::reason::Stop;
use crate::tree::result_state::Outcome;
use crate::{Failure, JoinError, Stopped};

/// How a job ended. The value of a finished one is in its packet, the failure of a failed one in
/// its record.
#[derive(Clone)]
pub(super) enum End {
    Finished,
    Failed(Failure),
    Stopped(Stop),
    Dropped,
    Expired,
}

impl End {
    pub(super) fn of(outcome: Outcome) -> End {
        match outcome {
            Outcome::Finished => End::Finished,
            Outcome::Stopped(stop) => End::Stopped(stop),
            Outcome::Failed(failure) => End::Failed(failure),
        }
    }

    pub(super) fn ending(&self) -> Ending {
        match self {
            End::Finished => Ending::Done,
            End::Failed(_) => Ending::Failed,
            End::Stopped(_) => Ending::Stopped,
            End::Dropped => Ending::Dropped,
            End::Expired => Ending::Expired,
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        match self {
            End::Failed(failure) => Outcome::Failed(failure.clone()),
            End::Stopped(stop) => Outcome::Stopped(stop.clone()),
            End::Finished | End::Dropped | End::Expired => Outcome::Finished,
        }
    }

    /// The result of a join, without the value, which is in the claim.
    pub(super) fn joined(&self) -> Result<(), JoinError> {
        match self {
            End::Finished => Ok(()),
            End::Failed(failure) => Err(JoinError::Failed(failure.clone().marked())),
            End::Stopped(stop) => Err(JoinError::Stopped(Stopped::new(stop.clone()))),
            End::Dropped => Err(JoinError::Dropped),
            End::Expired => Err(JoinError::Expired),
        }
    }
}
