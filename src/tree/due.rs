//! Owns the moment at which a thread is due: by the clock of its scope, and by the clocks around.
//! Refuses to tell a thread that it is due, and to hold two locks at once: the walk goes outwards,
//! scope by scope.

use std::sync::Arc;
use std::time::Instant;

use crate::outcome::status::Role;
use crate::rt::awake;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;

impl ScopeCore {
    /// When the thread that runs the body becomes overdue, as far as that is known: the deadline of a nested scope.
    pub(crate) fn outer_due(&self) -> Option<Instant> {
        // The clocks on the way out, up to a thread of which it is known, or to a scope in which no shutdown has begun, so that
        // nobody is due: from there each goes by the one around it.
        self.outer_due_by(&|_| None)
    }

    /// The same for all scopes around, the innermost first, itself included: in one walk, since each goes by the one around it.
    pub(crate) fn outer_dues(self: &Arc<Self>) -> Vec<Option<Instant>> {
        let around: Vec<_> = self.ancestors().collect();
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
