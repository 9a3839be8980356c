//! Owns the threads of homebound's own that a root may start: their records, their routines,
//! *maker*, and their end.
//! Refuses to know what the other internal threads do.

use std::io;
use std::panic::Location;
use std::sync::Arc;

use crate::outcome::status::snapshot::Role;
use crate::outcome::words::ITS_ENDS;
use crate::rt::contain::log_contained;
use crate::rt::options::ThreadOptions;
use crate::rt::os_thread::OsThread;
use crate::stop::node::{Link, Node};
use crate::tree::core::ScopeCore;
use crate::tree::record::{Label, Record};
use crate::tree::result_state::Outcome;
use crate::tree::results;
use crate::tree::root::Root;
use crate::tree::traits::Traits;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;

/// Makes a record for a thread of homebound's own, and lists it in the tree.
pub(crate) fn internal(core: &Arc<ScopeCore>, name: &'static str, purpose: &'static str) -> Arc<Record> {
    let label = Label { name: name.into(), purpose: purpose.into(), at: Location::caller() };
    // Below no other node, because a stop of the tree does not end an internal thread.
    let node = Node::new(Link::Inside);
    let record = Record::new(label, Role::Internal, core, node, Traits::default());
    core.lock().internal.push(Arc::clone(&record));
    record
}

/// Takes the record of an internal thread off the list.
pub(crate) fn retire(record: &Arc<Record>) {
    let mut state = record.core.lock();
    let place = state.internal.iter().position(|other| other.id == record.id);
    let gone = place.map(|place| state.internal.remove(place));
    // Without the lock, because the record may hold the last reference to its scope.
    drop(state);
    drop(gone);
}

/// Starts the thread of an internal record, on an OS thread of the root. On a refusal, the caller
/// retires the record.
pub(crate) fn launch(
    record: &Arc<Record>,
    work: impl FnOnce(&Arc<Record>) + Send + 'static,
) -> io::Result<()> {
    let (own, place) = (Arc::clone(record), Arc::clone(record.core.place()));
    let routine = Box::new(move |os_thread: &Arc<OsThread>| {
        own.start(os_thread.setting());
        os_thread.title().set(&own.label.purpose, &place);
        work(&own);
        // If the thread hangs from here on, it hangs in a destructor that code of the program's has
        // left in it.
        os_thread.set_over();
        results::end(&own, Outcome::Finished);
        // A root may have many such threads one after another, so the list must not grow.
        retire(&own);
    });
    record.core.root.cache.launch(&record.label.name, ThreadOptions::default(), routine)
}

/// Starts *maker*, unless the root has it. Called before the first thread in the background is
/// started, because that thread may spawn at once.
///
/// If the system refuses *maker*, the root goes on without it: threads that a thread in the
/// background spawns stay in the background, and say so. The next spawn in the background tries
/// again.
pub(crate) fn need_maker(core: &Arc<ScopeCore>) {
    let Some(core) = core.root.core() else { return };
    let cache = &core.root.cache;
    if !cache.maker.may_start() {
        return;
    }
    let record = internal(&core, "homebound-maker", "starts threads for threads in the background");
    let made = launch(&record, {
        let cache = Arc::clone(cache);
        move |own| {
            let _waits = WaitMark::of("work", own.label.at, Of::Nobody, Some(Arc::clone(own)));
            cache.maker.serve(|os_thread| cache.start(os_thread));
        }
    });
    cache.maker.has_started(made.is_ok());
    if let Err(refusal) = made {
        retire(&record);
        log_contained(|| {
            tracing::error!(
                target: "homebound::thread",
                error = %refusal,
                "no thread to start threads for those in the background: what they spawn stays in the background"
            );
        });
    }
}

impl Root {
    /// Ends the timer thread and *maker*, and joins every OS thread that this root started. The
    /// calling thread is the body's: the tree goes on showing it, with this wait. If the calling
    /// thread is an OS thread of the root, this returns at once, and the last of these threads to
    /// leave joins the others.
    pub(crate) fn close(&self) {
        let core = self.core();
        let body = core.as_ref().and_then(|core| core.lock().body.clone());
        let at = core.as_ref().map_or_else(Location::caller, |core| core.at);
        let _waits = WaitMark::of(ITS_ENDS, at, Of::Nobody, body);
        // Before the cache closes, because the keeper and *maker* are threads of the cache. The
        // keeper first, because it may ask for its successor.
        self.close_keeper();
        self.cache.maker.close();
        if self.cache.has_caller() {
            // The calling thread cannot join itself.
            self.cache.abandon();
        } else {
            self.cache.close();
        }
    }
}
