//! Owns the look at the threads shortly before the last words, so that the end does not wait for a
//! stack.
//! Refuses to know when the end is: *watch* does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outcome::status::snapshot::Snapshot;
use crate::registry::exit::OnOverdue;
use crate::registry::shared::Shared;
use crate::rt::time::after;
use crate::sight::examine::{self, PATIENCE};
use crate::tree::core::ScopeCore;

/// The least time that is worth a look before the end.
const LEAST: Duration = Duration::from_millis(100);

/// What was read of the threads before the end at this moment, by the clock of `awake`.
#[derive(Default)]
pub(crate) struct EarlyLook(Option<(Instant, Snapshot)>);

impl EarlyLook {
    /// When to look, and the end for which that is: not while threads have time left. `deadline` is
    /// the end of the grace. `None` if the look was made, or leaves too little time.
    pub(crate) fn due(&self, shared: &Shared, deadline: Option<Instant>) -> Option<(Instant, Instant)> {
        let has_words = shared.settings.on_overdue != OnOverdue::Wait;
        let deadline = deadline.filter(|_| has_words)?;
        // Late enough to show the threads as they are at the end, but not before the grace is over.
        let end = after(deadline, shared.settings.kill_after);
        let at = end.checked_sub(PATIENCE).map_or(deadline, |at| at.max(deadline));
        let is_done = self.0.as_ref().is_some_and(|(done, _)| *done == end);
        (!is_done && end - at >= LEAST).then_some((at, end))
    }

    /// Reads stacks and the kernel's view of the threads, for the end at `end`. This allocates.
    pub(crate) fn look(&mut self, core: &Arc<ScopeCore>, end: Instant, now: Instant) {
        let left = end.saturating_duration_since(now);
        self.0 = Some((end, examine::at_last(core, left.min(PATIENCE))));
    }

    /// What was read of the threads before the end at this moment.
    pub(crate) fn take_for(&mut self, end: Instant) -> Option<Snapshot> {
        // A look for another end is dropped: the deadline was moved after it.
        self.0.take().filter(|(done, _)| *done == end).map(|(_, early)| early)
    }
}
