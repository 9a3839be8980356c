//! Owns the list of callbacks and deferred functions that run now, by the threads that run them, so
//! that a look at a thread says which of them it is in.
//! Refuses to run them: `during` wraps the call that does.

use std::time::Instant;

use crate::sync::locks::Mutex;
use crate::sys;

/// The calls of one root that run now.
#[derive(Default)]
pub(crate) struct Running(Mutex<Vec<Entry>>);

struct Entry {
    /// The kernel's id of the thread that runs it.
    os_tid: u32,
    /// Which call it is, in words.
    what: String,
    since: Instant,
}

impl Running {
    /// The call that this thread runs, and since when; of calls within calls, the innermost.
    /// Nothing if the list is locked, because the caller may be *watch*, which waits for no lock
    /// that an allocation may hold up.
    pub(crate) fn on(&self, os_tid: u32) -> Option<(String, Instant)> {
        let entries = self.0.try_lock()?;
        let entry = entries.iter().rev().find(|entry| entry.os_tid == os_tid)?;
        Some((entry.what.clone(), entry.since))
    }

    /// Calls `f`, which is `what` in words.
    pub(crate) fn during<R>(&self, what: String, f: impl FnOnce() -> R) -> R {
        let Some(os_tid) = sys::thread_id() else { return f() };
        self.0.lock().push(Entry { os_tid, what, since: Instant::now() });
        // On every way out, a panic of `f` included.
        let over = scopeguard::guard((), |()| {
            let mut entries = self.0.lock();
            let place = entries.iter().rposition(|entry| entry.os_tid == os_tid);
            place.map(|place| entries.remove(place));
        });
        let result = f();
        drop(over);
        result
    }
}
