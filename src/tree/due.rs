//! Owns the instant at which a thread is due: by the clock of its scope, and by the clocks around.
//! Refuses to mark a thread overdue, and to hold two locks at once: the walk goes outwards, scope
//! by scope.

use std::sync::Arc;
use std::time::Instant;

use smallvec::{SmallVec, smallvec};

use crate::outcome::status::snapshot::Role;
use crate::rt::awake;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;

/// The depth up to which the walk outwards allocates nothing: most threads end near the root.
const FEW: usize = 4;
type Dues = SmallVec<[Option<Instant>; FEW]>;

impl ScopeCore {
    /// When the thread that runs the body becomes overdue, if that is known. This instant is
    /// the deadline of a nested scope (E3).
    pub(crate) fn outer_due(&self) -> Option<Instant> {
        // No result of another scope is known yet, so the walk goes all the way out.
        self.outer_due_by(&|_| None)
    }

    /// As `outer_due`, for this scope and all scopes around it, the innermost first. One walk,
    /// because each result follows from the result of the scope around.
    pub(crate) fn outer_dues(self: &Arc<Self>) -> Dues {
        let around: SmallVec<[_; FEW]> = self.ancestors().collect();
        let mut found: Dues = smallvec![None; around.len()];
        // From the outside in, so that the result of the scope around is there.
        for place in (0..around.len()).rev() {
            let known = |core: &ScopeCore| {
                let next = place + 1;
                around.get(next).filter(|next| std::ptr::eq(Arc::as_ptr(next), core)).map(|_| found[next])
            };
            found[place] = around[place].outer_due_by(&known);
        }
        found
    }

    /// Walks outwards from the thread that runs the body, collecting clocks, until there is an
    /// answer: a thread that is overdue, a service's share, a scope whose shutdown has not begun
    /// (then nobody is due), or a scope of which `known` has the result. Then goes back in, clock
    /// by clock.
    fn outer_due_by(&self, known: &dyn Fn(&ScopeCore) -> Option<Option<Instant>>) -> Option<Instant> {
        let mut clocks = Vec::new();
        let mut next = self.runner.as_ref();
        let outermost = loop {
            // Nobody waits for a guest, so a guest is never due.
            let Some(runner) = next.filter(|runner| runner.role != Role::Guest) else { break None };
            if let Some(since) = runner.life(|life| life.overdue_since()) {
                break Some(since);
            }
            let state = runner.core.lock();
            // A service is due by its share, which was fixed when it was told.
            if runner.role == Role::Service {
                break state.services.share_end(runner.id.0);
            }
            if state.clock.began.is_none() {
                break None;
            }
            clocks.push(state.clock);
            // One scope's lock at a time.
            drop(state);
            if let Some(due) = known(&runner.core) {
                break due;
            }
            next = runner.core.runner.as_ref();
        };
        // Each body is due with the workers of the scope that its thread belongs to.
        clocks.iter().rev().fold(outermost, |outer, clock| clock.workers_due(outer))
    }

    /// True if the share of this thread is over, whether a driver has marked it or not.
    pub(crate) fn is_past_share(&self, record: &Record) -> bool {
        self.share_end(record).is_some_and(|due| awake::now() >= due)
    }

    /// When the share of this thread ends, if that is known. The share of a service is known when
    /// it is told.
    pub(crate) fn share_end(&self, record: &Record) -> Option<Instant> {
        // Before the lock below, because this takes the locks of other scopes.
        let outer = self.outer_due();
        match record.role {
            Role::Service => self.lock().services.share_end(record.id.0),
            _ => self.lock().clock.workers_due(outer),
        }
    }
}
