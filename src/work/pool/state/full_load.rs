//! Owns the decision when the intake of a pool is open: at full load (invariant 5 of `line`).
//! Refuses to lock the intake: that locks itself.

use super::State;
use crate::sync::MODELLED;
use crate::tree::pool_facts::PoolFacts;
use crate::work::pool::intake::Intake;
use crate::work::pool::parts::Phase;

/// Number of jobs that wait when the intake is opened, and number of free places. With fewer jobs
/// the intake would be empty again before it has spared anything.
const BACKLOG: usize = if MODELLED { 1 } else { 8 };

impl<J, W> State<J, W> {
    #[inline]
    pub(in super::super) fn has_no_job(&self) -> bool {
        self.queue.is_empty()
    }

    /// The jobs of the intake come into the queue. More may come that way only if `stay`, and if
    /// some have come.
    #[inline]
    pub(in super::super) fn take_in(&mut self, intake: &Intake<J>, facts: &PoolFacts, stay: bool) {
        if self.intake {
            // Open -> open or closed. The threads that are wanted are there, so these are all
            // places.
            let most = if stay { self.places.saturating_add(self.idle) } else { 0 };
            (self.last, self.intake) = intake.drain(&mut self.queue, most, facts);
        }
    }

    /// Opens the intake, if there is much to do and nothing to decide (invariant 5).
    #[inline]
    pub(super) fn open_intake(&mut self, intake: &Intake<J>, facts: &PoolFacts) {
        let queued = self.queue.len();
        if self.intake || queued < BACKLOG || self.sleeping > 0 {
            return;
        }
        let room = self.places.saturating_add(self.idle).saturating_sub(queued);
        let usual =
            self.phase == Phase::Open && self.threads == self.wanted && self.callers.no_place_is_due();
        if usual && room >= BACKLOG {
            // Closed -> open.
            intake.open(self.last, room, facts);
            self.intake = true;
        }
    }
}
