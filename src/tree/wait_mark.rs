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
/// the record shows the outer wait again. Holds the record with that outer wait.
pub(crate) struct WaitMark(Option<(Arc<Record>, Option<Wait>)>);

impl WaitMark {
    pub(crate) fn new(what: &'static str, at: &'static Location<'static>) -> WaitMark {
        WaitMark::of(what, at, Of::Nobody, current::record())
    }

    /// For a wait for a thread or a scope.
    pub(crate) fn on(what: &'static str, at: &'static Location<'static>, of: Of) -> WaitMark {
        WaitMark::of(what, at, of, current::record())
    }

    /// As `on`, in this record. A thread that runs a body has two: the body's, and its own.
    pub(crate) fn of(
        what: &'static str,
        at: &'static Location<'static>,
        of: Of,
        record: Option<Arc<Record>>,
    ) -> WaitMark {
        // A thread may raise a signal that is blocked in it for us, and then wait for the signal's
        // effect. So hand the signal on before the wait.
        sys::hand_on_raised();
        WaitMark(record.map(|record| {
            let outer = record.set_wait(Some(Wait { what, at, since: Instant::now(), of }));
            // The beginning of a wait is a sign of progress, as its end is.
            record.progress(Some(at));
            (record, outer)
        }))
    }
}

impl Drop for WaitMark {
    fn drop(&mut self) {
        let Some((record, outer)) = self.0.take() else { return };
        let wait = record.set_wait(outer);
        // The end of a wait is a sign of progress.
        record.progress(None);
        // A wait that lasted into a stop is a reason why this thread came home late.
        if let Some(Wait { of: of @ (Of::Thread(_) | Of::Scope(_)), .. }) = wait {
            if record.node.is_stopping() {
                note_holder(&record, &of);
            }
        }
    }
}

/// Not inlined, because few waits come here, and a blocked thread pays for its stack by the page.
#[inline(never)]
fn note_holder(record: &Record, of: &Of) {
    let held_by = of.held_by();
    record.life(|life| life.rare().held_by = held_by);
}
