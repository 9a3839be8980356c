//! Owns one callback: it runs at most once, and its owner does not go on while it runs elsewhere.
//! Refuses to know when it runs: the stop tree calls it. The rules are those of C++'s
//! `std::stop_callback`.
//!
//! ```text
//! armed --run-----> running --> over      the closure runs, and is dropped
//! armed --abandon-> running --> over      the closure is dropped
//! ```
//!
//! # Named races
//!
//! - **The callback in progress.** A node is closed, or a `with_on_stop` returns, while a stop has
//!   copied its callback and may begin it at any moment. Both sides move the stage from armed to
//!   running under one lock, so exactly one of them has the closure. If it is the owner, the
//!   closure is dropped, and the stop finds nothing to run. If it is the stop, the owner blocks
//!   until the stage is over, because the closure may borrow what the owner drops next. A callback
//!   that closes its own node, or leaves its own frame, is running on the thread that would wait
//!   for it: that thread goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::rt::contain::{Payload, discard, log_contained, message};
use crate::rt::packet::{Ran, Task};
use crate::rt::shown::shown;
use crate::sync::{Condvar, Mutex, ThreadId, current_thread};

/// `Relaxed`: the keys differ, and order nothing.
static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

/// Gets the payload of a panic in the callback, or in a `Drop` of its captures.
pub(crate) type Complain = Box<dyn Fn(Payload) + Send + Sync>;

/// The caller of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The stop. The callback stays listed at its node meanwhile, so that the thread of that node
    /// does not end before the callback is over.
    Stop,
    /// The thread that wanted to register it, because the stop had come before.
    Registrar,
}

pub(crate) struct Callback {
    /// The number of the callback, under which its node lists it.
    key: u64,
    /// The closure. Run or cleared by the thread that moved the stage to running.
    task: Arc<dyn Task<Caller>>,
    stage: Mutex<Stage>,
    /// Notified by `finish`, waited for by `abandon`.
    over: Condvar,
    complain: Complain,
}

/// Only moves down this list.
#[derive(Clone, Copy)]
enum Stage {
    /// No thread has the closure yet.
    Armed,
    /// This thread runs or drops the closure.
    Running(ThreadId),
    /// The closure is gone.
    Over,
}

impl Callback {
    pub(crate) fn new(task: Arc<dyn Task<Caller>>, complain: Complain) -> Arc<Callback> {
        Arc::new(Callback {
            key: NEXT_KEY.fetch_add(1, Ordering::Relaxed),
            task,
            stage: Mutex::new(Stage::Armed),
            over: Condvar::new(),
            complain,
        })
    }

    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    /// Runs the callback on the calling thread, unless it was begun before, or was abandoned.
    pub(crate) fn run(&self, by: Caller) {
        if self.begin() {
            // `run` has dropped the closure when it returns. Only then may `finish` wake the
            // owner, because the closure may borrow the owner's frame (invariant 1 of `rt`).
            match self.task.run(&by) {
                // Contained by the task, so the other callbacks of the stop run all the same.
                Ran::Panicked(payload) => (self.complain)(payload),
                Ran::Failed(_) | Ran::Done | Ran::Nothing => {}
            }
            self.finish();
        }
    }

    /// Drops the callback without running it. If it runs on another thread, blocks until that is
    /// over, and keeps what `before_wait` returns meanwhile. If it runs on this thread, returns at
    /// once.
    pub(crate) fn abandon<M>(&self, before_wait: impl FnOnce() -> M) {
        if self.begin() {
            // The stage is running meanwhile, so a stop that comes now does not begin the callback.
            if let Some(payload) = self.task.clear() {
                (self.complain)(payload);
            }
            self.finish();
            return;
        }
        // Another thread began it, or this one did.
        let is_elsewhere =
            |stage: &Stage| matches!(*stage, Stage::Running(runner) if runner != current_thread().id());
        if !is_elsewhere(&self.stage.lock()) {
            return;
        }
        // Without the lock, because a mark takes locks of its own.
        let _mark = before_wait();
        // Looked at again under the lock, so that no end is missed. Pairs with `finish`.
        let mut stage = self.stage.lock();
        while is_elsewhere(&stage) {
            self.over.wait(&mut stage);
        }
    }

    /// Armed to running. False if another call was first: then the closure is not the caller's.
    fn begin(&self) -> bool {
        let mut stage = self.stage.lock();
        let armed = matches!(*stage, Stage::Armed);
        if armed {
            *stage = Stage::Running(current_thread().id());
        }
        armed
    }

    /// Running to over, after the closure is dropped. Pairs with `abandon`: the stage changes under
    /// the lock under which the waiting thread reads it.
    fn finish(&self) {
        let mut stage = self.stage.lock();
        *stage = Stage::Over;
        self.over.notify_all();
    }
}

/// Logs the panic of a callback whose scope is over and can list no failure any more.
pub(crate) fn unheard(payload: Payload) {
    log_contained(|| {
        tracing::error!(
            target: "homebound::stop",
            panic = &*shown(message(&payload)),
            "a callback panicked after its scope was over"
        );
    });
    discard(payload);
}
