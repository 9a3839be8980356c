//! Groups that are roots of their own: for structs and statics whose makers are in no scope.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod dropped;
mod life;
mod runs;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::*;
use homebound::{Group, Result, group};

/// How many OS threads have run their last destructors.
type Gone = Arc<AtomicUsize>;

/// Notes the end of the calling OS thread, as a joiner sees it.
fn note_end(gone: &Gone) {
    type Note = OnDrop<Box<dyn FnMut()>>;
    thread_local! {
        static LAST: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) };
    }
    let gone = Arc::clone(gone);
    let note: Box<dyn FnMut()> = Box::new(move || {
        linger(5);
        gone.fetch_add(1, Ordering::SeqCst);
    });
    LAST.with(|last| last.borrow_mut().push(OnDrop(note)));
}

fn count(gone: &Gone) -> usize {
    gone.load(Ordering::SeqCst)
}

/// A subsystem as a library would have it: a worker and a service that wait, and a place for the
/// value itself.
struct Server {
    threads: Group<'static>,
}

impl Server {
    fn new(gone: &Gone) -> Result<Server> {
        Server::with(gone, &["one", "two"], &["clerk"])
    }

    fn with(gone: &Gone, workers: &[&'static str], services: &[&'static str]) -> Result<Server> {
        let threads = group("server")?;
        for name in workers.iter().copied() {
            let gone = Arc::clone(gone);
            threads.spawn(name, "waits for the stop", move |cx| {
                note_end(&gone);
                until_stopped(cx)
            })?;
        }
        for name in services.iter().copied() {
            let gone = Arc::clone(gone);
            threads.service(name, "ends after the workers", move |cx| {
                note_end(&gone);
                cx.wait_for_stop();
                Ok(())
            })?;
        }
        Ok(Server { threads })
    }
}
