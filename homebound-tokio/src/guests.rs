//! Owns the stay of a runtime's threads in the tree: from their first step to their last.
//! Refuses to start or join them: tokio does.
//!
//! A thread waits at a gate until its runtime is built, because tokio cannot undo a build: if the
//! system refuses the second worker, the first one would run for ever.
//!
//! ```text
//! gate: shut --(the runtime is built)--> open       threads go on, and are guests
//!       shut --(the build has failed)--> refused    threads end by an unwind, before tokio's code
//! ```

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{panic, thread};

use homebound::{Adopted, Context};
use parking_lot::{Condvar, Mutex};
use tokio::runtime::Builder;

thread_local! {
    /// Some while the thread runs for a runtime of ours. If tokio leaves the thread behind, the
    /// thread ends its stay when it ends.
    static STAY: RefCell<Option<Adopted>> = const { RefCell::new(None) };
}

/// The threads of a runtime that have begun and not ended.
#[derive(Clone, Default)]
pub(crate) struct Present(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Written by the threads, read when the runtime is shut down.
    names: Mutex<BTreeSet<String>>,
    /// `None` until the build is over; then true if there is a runtime. Written once.
    is_built: Mutex<Option<bool>>,
    built: Condvar,
}

impl Present {
    /// Has each thread of the runtime be a guest of `cx`. All have one purpose, because each may
    /// run tasks or a blocking call, as it comes.
    pub(crate) fn welcome(&self, cx: &Context, builder: &mut Builder) {
        // The name of a scope may hold a NUL, at which tokio would panic.
        let (begun, name) = (AtomicUsize::new(0), cx.name().replace('\0', ""));
        // Relaxed, because the number orders no other data.
        builder.thread_name_fn(move || format!("{name}-{}", begun.fetch_add(1, Ordering::Relaxed)));
        let (host, present) = (cx.clone(), self.clone());
        builder.on_thread_start(move || present.enter(&host));
        let present = self.clone();
        builder.on_thread_stop(move || present.leave());
    }

    /// Opens the gate, or sends the threads home. Pairs with `wait_until_built`.
    pub(crate) fn set_built(&self, is_built: bool) {
        *self.0.is_built.lock() = Some(is_built);
        self.0.built.notify_all();
    }

    fn wait_until_built(&self) -> bool {
        let mut is_built = self.0.is_built.lock();
        // Notified by `set_built`, which writes under the same lock.
        self.0.built.wait_while(&mut is_built, |is_built| is_built.is_none());
        *is_built == Some(true)
    }

    fn enter(&self, host: &Context) {
        // The thread is not in the tree yet, so this unwind is no failure of the scope. No hook is
        // called for it.
        if !self.wait_until_built() {
            panic::resume_unwind(Box::new("the runtime of this thread was not built"));
        }
        self.0.names.lock().insert(own_name());
        STAY.set(Some(host.adopt_guest(own_name(), "runs tasks or blocking calls of tokio")));
    }

    fn leave(&self) {
        drop(STAY.take());
        self.0.names.lock().remove(&own_name());
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.names.lock().iter().cloned().collect()
    }
}

fn own_name() -> String {
    thread::current().name().unwrap_or("tokio").to_owned()
}
