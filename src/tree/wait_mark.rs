//! Owns what the record of a waiting thread says while it waits.
//! Refuses to wait.

use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use crate::sys;
use crate::tree::current;
use crate::tree::record::{Of, Record, Wait};

/// While it lives, the record of the waiting thread says so. Waits nest: the outer one comes back.
pub(crate) struct WaitMark([Option<(Arc<Record>, Option<Wait>)>; 2]);

impl WaitMark {
    pub(crate) fn new(what: &'static str, at: &'static Location<'static>) -> WaitMark {
        WaitMark::of(what, at, Of::Nobody, [current::record(), None])
    }

    /// For a wait for a thread, or for a scope.
    pub(crate) fn on(what: &'static str, at: &'static Location<'static>, of: Of) -> WaitMark {
        WaitMark::of(what, at, of, [current::record(), None])
    }

    /// For a thread that is two records: a body's, and that of the thread that runs it.
    pub(crate) fn of(
        what: &'static str,
        at: &'static Location<'static>,
        of: Of,
        who: [Option<Arc<Record>>; 2],
    ) -> WaitMark {
        // Whoever raises a signal in a thread that blocks it for us, and then waits, waits for what that signal does.
        sys::hand_on_raised();
        let since = Instant::now();
        let mark = |record: Option<Arc<Record>>| {
            let record = record?;
            let outer = record.set_wait(Some(Wait { what, at, since, of: of.clone() }));
            Some((record, outer))
        };
        WaitMark(who.map(mark))
    }
}

impl Drop for WaitMark {
    fn drop(&mut self) {
        for (record, outer) in self.0.iter_mut().filter_map(Option::take) {
            record.set_wait(outer);
        }
    }
}
