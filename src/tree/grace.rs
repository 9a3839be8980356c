//! Owns the clock of a shutdown: since when, until when, and which share of the time is whose.
//! Refuses to tell anybody to come home, and to count who did.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outcome::status::Role;
use crate::rt::awake;
use crate::rt::time::far;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;

/// When a shutdown began and when its grace is over.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    /// The first stop request, or the moment when the last worker came home.
    pub(crate) began: Option<Instant>,
    deadline: Option<Instant>,
    /// Some service lived when it began: then a quarter of the grace is theirs.
    served: bool,
}

impl Clock {
    /// Starts it, once. `grace` is the root's; a deadline that was asked for before wins.
    pub(crate) fn begin(&mut self, at: Instant, grace: Option<Duration>, served: bool) {
        if self.began.is_none() {
            self.began = Some(at);
            self.served = served;
            self.deadline = self.deadline.or(grace.map(|grace| far(at, grace)));
        }
    }

    /// Asks for an end; before the beginning it sets the grace, later it moves it earlier, never later.
    pub(crate) fn limit(&mut self, end: Instant) {
        self.deadline = Some(self.deadline.map_or(end, |set| set.min(end)));
    }

    /// The end of the grace, given that of the thread that runs the body.
    pub(crate) fn deadline(&self, outer: Option<Instant>) -> Option<Instant> {
        let own = self.deadline.filter(|_| self.began.is_some());
        own.into_iter().chain(outer).min()
    }

    /// When body and workers are overdue: with services about, a quarter of the grace before its end.
    pub(crate) fn workers_due(&self, outer: Option<Instant>) -> Option<Instant> {
        let (end, began) = (self.deadline(outer)?, self.began?);
        let quarter = if self.served { end.saturating_duration_since(began) / 4 } else { Duration::ZERO };
        end.checked_sub(quarter)
    }
}

/// When the share of the next service ends, `waiting` of them being left, itself included (E3).
pub(crate) fn share(now: Instant, end: Instant, waiting: usize) -> Instant {
    let left = end.saturating_duration_since(now);
    far(now, left / u32::try_from(waiting.max(1)).unwrap_or(u32::MAX))
}

impl ScopeCore {
    /// When the thread that runs the body becomes overdue, as far as that is known: the deadline of a nested scope.
    pub(crate) fn outer_due(&self) -> Option<Instant> {
        // The clocks on the way out, up to a thread of which it is known, or to a scope in which no shutdown has begun, so that
        // nobody is due: from there each goes by the one around it.
        self.outer_due_by(&|_| None)
    }

    /// The same for all scopes around, the innermost first, itself included: in one walk, since each goes by the one around it.
    pub(crate) fn outer_dues(self: &Arc<Self>) -> Vec<Option<Instant>> {
        let around: Vec<_> = self.around().collect();
        let mut found: Vec<Option<Instant>> = vec![None; around.len()];
        for place in (0..around.len()).rev() {
            let known = |core: &ScopeCore| {
                let next = place + 1;
                around.get(next).filter(|next| std::ptr::eq(Arc::as_ptr(next), core)).map(|_| found[next])
            };
            found[place] = around[place].outer_due_by(&known);
        }
        found
    }

    /// `known` tells of a scope what this would find.
    fn outer_due_by(&self, known: &dyn Fn(&ScopeCore) -> Option<Option<Instant>>) -> Option<Instant> {
        let mut clocks = Vec::new();
        let mut next = self.runner.as_ref();
        let outermost = loop {
            // Nobody waits for a guest, so it is never due.
            let Some(runner) = next.filter(|runner| runner.role != Role::Guest) else { break None };
            if let Some(since) = runner.life(|life| life.overdue_since) {
                break Some(since);
            }
            let state = runner.core.lock();
            if runner.role == Role::Service {
                break state.services.share_end(runner.id.0);
            }
            if state.clock.began.is_none() {
                break None;
            }
            clocks.push(state.clock);
            drop(state);
            if let Some(due) = known(&runner.core) {
                break due;
            }
            next = runner.core.runner.as_ref();
        };
        clocks.iter().rev().fold(outermost, |outer, clock| clock.workers_due(outer))
    }

    /// True if the share of this thread has passed, marked or not.
    pub(crate) fn is_past_share(&self, record: &Record) -> bool {
        self.share_end(record).is_some_and(|due| awake::now() >= due)
    }

    /// When the share of this thread ends, as far as that is known: a service's when it is told.
    pub(crate) fn share_end(&self, record: &Record) -> Option<Instant> {
        let outer = self.outer_due();
        match record.role {
            Role::Service => self.lock().services.share_end(record.id.0),
            _ => self.lock().clock.workers_due(outer),
        }
    }
}
