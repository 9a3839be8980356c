//! Owns one callback: that it runs at most once, and is not forgotten while it runs elsewhere.
//! Refuses to know when: the stop tree calls it. The rules are those of C++'s `std::stop_callback`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::rt::contain::{Payload, discard, log_contained, message};
use crate::rt::packet::{Ran, Task};
use crate::rt::shown::shown;
use crate::sync::{Condvar, Mutex, ThreadId, current_thread};

static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

/// Told of a panic in the callback, or in the `Drop` of what it held.
pub(crate) type Complain = Box<dyn Fn(Payload) + Send + Sync>;

/// Who runs a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The stop. It is listed at its node meanwhile: the thread that the node belongs to does not end before it is over.
    Stop,
    /// Whoever wanted to register it, since the stop had come before.
    Registrar,
}

pub(crate) struct Callback {
    key: u64,
    task: Arc<dyn Task<Caller>>,
    stage: Mutex<Stage>,
    over: Condvar,
    complain: Complain,
}

#[derive(Clone, Copy)]
enum Stage {
    Armed,
    Running(ThreadId),
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

    /// Runs it on the calling thread, unless it has run or was abandoned.
    pub(crate) fn run(&self, by: Caller) {
        if self.begin() {
            // `run` has dropped the closure when it returns: only then may `finish` let a borrower go (invariant 1).
            match self.task.run(&by) {
                Ran::Panicked(payload) => (self.complain)(payload),
                Ran::Failed(_) | Ran::Done | Ran::Nothing => {}
            }
            self.finish();
        }
    }

    /// Drops it without running. If it is running on another thread, blocks until that is over; on this one, returns.
    pub(crate) fn abandon(&self) {
        if self.begin() {
            if let Some(payload) = self.task.clear() {
                (self.complain)(payload);
            }
            self.finish();
            return;
        }
        let mut stage = self.stage.lock();
        while matches!(*stage, Stage::Running(runner) if runner != current_thread().id()) {
            self.over.wait(&mut stage);
        }
    }

    fn begin(&self) -> bool {
        let mut stage = self.stage.lock();
        let armed = matches!(*stage, Stage::Armed);
        if armed {
            *stage = Stage::Running(current_thread().id());
        }
        armed
    }

    fn finish(&self) {
        let mut stage = self.stage.lock();
        *stage = Stage::Over;
        self.over.notify_all();
    }
}

/// For a complaint that nobody is left to hear.
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
