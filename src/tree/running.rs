//! Owns the list of callbacks and deferred functions that run now, by the threads that run them, so
//! that a look at a thread says which of them it is in.
//! Refuses to run them: `during` wraps the call that does.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::rt::shown::Shown;
use crate::sync::locks::Mutex;
use crate::sys;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::root::Root;
use crate::tree::state::Deferred;

/// The calls of one root that run now.
#[derive(Default)]
pub(crate) struct Running(Mutex<Vec<Entry>>);

struct Entry {
    /// The kernel's id of the thread that runs it.
    os_tid: u32,
    what: What,
    since: Instant,
}

enum What {
    CallbackOf(Arc<Record>),
    Deferred { text: String },
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::CallbackOf(record) => write!(f, "callback of {}", Shown(record.path())),
            What::Deferred { text } => f.write_str(text),
        }
    }
}

impl Running {
    /// The call that this thread runs, and since when; of calls within calls, the innermost.
    /// Nothing if the list is locked, because the caller may be *watch*, which waits for no lock
    /// that an allocation may hold up.
    pub(crate) fn on(&self, os_tid: u32) -> Option<(String, Instant)> {
        let entries = self.0.try_lock()?;
        let entry = entries.iter().rev().find(|entry| entry.os_tid == os_tid)?;
        Some((entry.what.to_string(), entry.since))
    }
}

/// Calls `f`, which is a callback of the thread `of`.
pub(crate) fn during_callback<R>(of: &Weak<Record>, f: impl FnOnce() -> R) -> R {
    match of.upgrade() {
        Some(record) => {
            let root = Arc::clone(&record.core.root);
            during(&root, What::CallbackOf(record), f)
        }
        None => f(),
    }
}

/// Calls `f`, which is a deferred function of the scope `core`.
pub(crate) fn during_deferred<R>(core: &ScopeCore, deferred: &Deferred, f: impl FnOnce() -> R) -> R {
    let text =
        format!("deferred function \"{}\" of {}, from {}", Shown(&deferred.name), core.path(), deferred.at);
    during(&core.root, What::Deferred { text }, f)
}

fn during<R>(root: &Root, what: What, f: impl FnOnce() -> R) -> R {
    let Some(os_tid) = sys::thread_id() else { return f() };
    let running = &root.running.0;
    running.lock().push(Entry { os_tid, what, since: Instant::now() });
    // On every way out, a panic of `f` included.
    let over = scopeguard::guard((), |()| {
        let mut entries = running.lock();
        let place = entries.iter().rposition(|entry| entry.os_tid == os_tid);
        let entry = place.map(|place| entries.remove(place));
        // Without the lock, because the record may hold a value of the program's.
        drop(entries);
        drop(entry);
    });
    let result = f();
    drop(over);
    result
}
