//! Owns the end of a supervisor: its children are put away, and what nobody has answered is told.
//! Refuses to decide when that is.

use crate::rt::contain::{Payload, drop_contained};
use crate::tree::propagate::complain;
use crate::tree::result_state::Outcome;
use crate::work::supervisor::board::{End, Ending};
use crate::work::supervisor::keeper::{Exit, Keeper, Leaving};
use crate::work::supervisor::kept::Kept;
use crate::work::supervisor::plan::Wish;
use crate::work::supervisor::request::Reply;
use crate::{ChildError, StartError, StopReason};

impl Keeper<'_> {
    /// Begins to end: all children are put away, the last one first, and then the supervisor is
    /// over.
    pub(super) fn leave(&mut self, reason: StopReason, then: Exit) {
        let early = self.first.as_mut().map(|first| std::mem::take(&mut first.ends));
        for end in early.into_iter().flatten() {
            self.end_unanswered(end);
        }
        let (live, down): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.children).into_iter().partition(|kept| kept.seat.is_live());
        self.children = live;
        for kept in &mut self.children {
            (kept.seat.wish, kept.seat.swept) = (Some(Wish::Gone), true);
            // A child that was told before without a limit is waited for no longer than the others.
            kept.limit_telling(self.grace);
        }
        for mut kept in down {
            self.end(&mut kept, Outcome::Finished);
            kept.is_put_away();
        }
        // Requests are refused from here on, and a refusal tells why.
        self.board.set_ending(Ending::Over(reason.clone()));
        // From here on each end is only put away (`came_down`).
        self.leaving = Some(Leaving { reason, then });
    }

    /// The first run of a child is not up. Tells the caller of `add`; without one it is the first
    /// start of all, which is rolled back.
    pub(super) fn tell_not_started(&mut self, adder: Option<Reply>, error: StartError, reason: StopReason) {
        let Some(adder) = adder else { return self.leave(reason, Exit::NotStarted(error)) };
        if let Some(Err(ChildError::Start(error))) = adder.give(Err(ChildError::Start(error))) {
            self.unclaimed(&error);
        }
    }

    /// Tells the starter why the supervisor has not started.
    pub(super) fn tell_starter(&mut self, error: StartError) {
        let told = self.first.take().map(|first| first.starter.give(Err(error)));
        if let Some(Some(Err(error))) = told {
            self.unclaimed(&error);
        }
    }

    /// The caller that a start has failed for has left: a failure is the scope's (RE4).
    fn unclaimed(&self, error: &StartError) {
        if let StartError::Failed(failure) = error {
            self.scope.core().fail(failure, true);
        }
    }

    /// A child has ended, and no decision will answer its failure: the scope lists it.
    pub(super) fn end_unanswered(&mut self, end: End) {
        let Some(place) = self.children.iter().position(|kept| kept.key == end.key) else { return };
        // Out of the list in any case: a supervisor that leaves is over when its list is empty.
        let mut kept = self.children.remove(place);
        if let Some(failure) = end.failure() {
            // In a first start that is rolled back, the caller decides whether anything stops.
            self.scope.core().fail(failure, self.first.is_none());
        }
        self.end(&mut kept, end.outcome);
        kept.is_put_away();
    }

    /// Takes no more ends and requests, and ends the children that are down. The others are
    /// services of the group, and end by themselves from now on.
    pub(super) fn put_away(&mut self) {
        self.ends.extend(self.board.close());
        while let Some(end) = self.ends.pop_front() {
            self.end_unanswered(end);
        }
        let stopped = self.scope.is_stopping();
        for mut kept in std::mem::take(&mut self.children) {
            if !kept.seat.is_live() {
                let cause = || Outcome::Stopped(self.scope.core().node.cause());
                let told = || if stopped { cause() } else { Outcome::Finished };
                let outcome = kept.culprit.take().unwrap_or_else(told);
                self.end(&mut kept, outcome);
            }
        }
        // Children that were to be added, and the ways back.
        self.requests.close().into_iter().for_each(|request| self.discard(request));
    }

    /// Ends a child that is down, for good.
    pub(super) fn end(&self, kept: &mut Kept<'_>, outcome: Outcome) {
        self.complain(kept.end(outcome));
    }

    /// Drops what may hold the closure of a child, each for itself: two that panic would abort the
    /// process.
    pub(super) fn discard<T>(&self, value: T) {
        self.complain(drop_contained(value));
    }

    /// Makes a failure of a panic in the `Drop` of a capture (E4).
    fn complain(&self, payload: Option<Payload>) {
        if let Some(payload) = payload {
            complain(self.scope.core(), self.scope.context().record().origin(), payload, true);
        }
    }
}
