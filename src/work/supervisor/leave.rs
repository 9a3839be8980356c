//! Owns the end of a supervisor: its children are put away, and what nobody has answered is told.
//! Refuses to decide when that is.

use crate::StopReason;
use crate::rt::contain::drop_contained;
use crate::tree::propagate::complain;
use crate::tree::result_state::Outcome;
use crate::work::supervisor::board::End;
use crate::work::supervisor::keeper::{Exit, Keeper, Leaving};
use crate::work::supervisor::plan::Wish;

impl Keeper<'_> {
    /// Begins to end: all children are put away, the last one first, and then the supervisor is
    /// over.
    pub(super) fn leave(&mut self, reason: StopReason, then: Exit) {
        let early = self.first.as_mut().map(|first| std::mem::take(&mut first.ends));
        for end in early.into_iter().flatten() {
            self.end_unanswered(end);
        }
        for kept in &mut self.children {
            if kept.seat.is_live() {
                (kept.seat.wish, kept.seat.swept) = (Some(Wish::Gone), true);
                kept.limit_telling(self.grace);
            } else {
                kept.end(Outcome::Finished);
                kept.settled();
            }
        }
        self.children.retain(|kept| kept.seat.is_live());
        self.leaving = Some(Leaving { reason, then });
    }

    /// A child has ended, and no decision will answer its failure: the scope lists it.
    pub(super) fn end_unanswered(&mut self, end: End) {
        let Some(place) = self.children.iter().position(|kept| kept.key == end.key) else { return };
        let mut kept = self.children.remove(place);
        if let Some(failure) = end.failure() {
            // In a first start that is rolled back, the caller decides whether anything stops.
            self.scope.core().fail(failure, self.first.is_none());
        }
        kept.end(end.outcome);
        kept.settled();
    }

    /// Takes no more ends and requests, and ends the children that are down. The others are
    /// services of the group, and end by themselves from now on.
    pub(super) fn put_away(&mut self) {
        self.ends.extend(self.board.close());
        while let Some(end) = self.ends.pop_front() {
            self.end_unanswered(end);
        }
        let stopped = self.scope.is_stopping();
        for kept in self.children.iter_mut().filter(|kept| !kept.seat.is_live()) {
            let core = self.scope.core();
            kept.end(if stopped { Outcome::Stopped(core.node.cause()) } else { Outcome::Finished });
        }
        // The closures of children that never ran, and the ways back.
        let left = (self.requests.close(), std::mem::take(&mut self.children));
        if let Some(payload) = drop_contained(left) {
            let core = self.scope.core();
            complain(core, self.scope.context().record().origin(), payload, true);
        }
    }
}
