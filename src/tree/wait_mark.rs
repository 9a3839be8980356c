//! Owns the entry that a waiting thread makes in its record, from the beginning of a wait to its
//! end.
//! Refuses to wait.

use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use crate::sys;
use crate::tree::current;
use crate::tree::record::Record;
use crate::tree::waiting::{Of, Wait};

/// While it lives, the record of the waiting thread shows the wait (W1). Waits nest: when it drops,
/// the record shows the outer wait again. Holds each record with that outer wait.
pub(crate) struct WaitMark([Option<(Arc<Record>, Option<Wait>)>; 2]);

impl WaitMark {
    pub(crate) fn new(what: &'static str, at: &'static Location<'static>) -> WaitMark {
        WaitMark::of(what, at, Of::Nobody, [current::record(), None])
    }

    /// For a wait for a thread or a scope.
    pub(crate) fn on(what: &'static str, at: &'static Location<'static>, of: Of) -> WaitMark {
        WaitMark::of(what, at, of, [current::record(), None])
    }

    /// For a thread that has two records: the body's, and the record of the thread that runs the
    /// body.
    pub(crate) fn of(
        what: &'static str,
        at: &'static Location<'static>,
        of: Of,
        who: [Option<Arc<Record>>; 2],
    ) -> WaitMark {
        // A thread may raise a signal that is blocked in it for us, and then wait for the signal's
        // effect. So hand the signal on before the wait.
        sys::hand_on_raised();
        let since = Instant::now();
        let mark = |record: Option<Arc<Record>>| {
            let record = record?;
            let outer = record.set_wait(Some(Wait { what, at, since, of: of.clone() }));
            // The beginning of a wait is a sign of progress, as its end is.
            record.progress(Some(at));
            Some((record, outer))
        };
        WaitMark(who.map(mark))
    }
}

impl Drop for WaitMark {
    fn drop(&mut self) {
        for (record, outer) in self.0.iter_mut().filter_map(Option::take) {
            let wait = record.set_wait(outer);
            // The end of a wait is a sign of progress.
            record.progress(None);
            // A wait that lasted into a stop is a reason why this thread came home late.
            let held_by = wait.filter(|_| record.node.is_stopping()).and_then(|wait| wait.of.held_by());
            if let Some(held_by) = held_by {
                record.life(|life| life.held_by = Some(Box::new(held_by)));
            }
        }
    }
}
