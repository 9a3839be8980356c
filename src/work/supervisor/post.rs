//! Owns the way of the end of a child's run to its supervisor.
//! Refuses to keep it: `board` does.

use std::sync::Arc;

use crate::thread::rerun::{AfterRun, Decider, EndOfRun};
use crate::tree::result_state::Outcome;
use crate::work::supervisor::board::{Board, End};

/// Tells the supervisor of each end of a run of one child.
pub(super) struct Post {
    pub(super) key: u64,
    pub(super) board: Arc<Board>,
}

impl Decider for Post {
    fn after(&self, end: &EndOfRun<'_>) -> AfterRun {
        // After a stop of the child or of the group nothing restarts: the end is the child's own.
        if end.stopping { AfterRun::Over } else { AfterRun::Down }
    }

    fn down(&self, end: &EndOfRun<'_>) -> bool {
        let outcome = match end.outcome {
            Outcome::Finished => Outcome::Finished,
            Outcome::Stopped(stop) => Outcome::Stopped(stop.clone()),
            Outcome::Failed(failure) => Outcome::Failed(failure.clone()),
        };
        let ended = End { key: self.key, outcome, ready: end.ready, at: end.at, lasted: end.lasted };
        self.board.post(ended)
    }
}
