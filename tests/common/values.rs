//! Owns small values: errors, reasons, logs, the threads of a snapshot.
//! Refuses to know the semantics under test.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, TryRecvError};
use homebound::{BoxError, ScopeStatus, Snapshot, StopReason, ThreadStatus};

/// True when the channel end is disconnected (the shape of every stop and done signal).
pub fn disconnected<T>(receiver: &Receiver<T>) -> bool {
    matches!(receiver.try_recv(), Err(TryRecvError::Disconnected))
}

/// An error with a text, as any program makes them.
pub fn boom(text: &str) -> BoxError {
    text.to_owned().into()
}

/// The innermost reason, below any number of `Parent`.
pub fn origin(reason: &StopReason) -> &StopReason {
    match reason {
        StopReason::Parent(inner) => origin(inner),
        other => other,
    }
}

/// All threads of a snapshot, scope by scope.
pub fn all_threads(snapshot: &Snapshot) -> Vec<ThreadStatus> {
    fn walk(scope: &ScopeStatus, into: &mut Vec<ThreadStatus>) {
        into.extend(scope.threads.iter().cloned());
        scope.scopes.iter().for_each(|below| walk(below, into));
    }
    let mut all = Vec::new();
    walk(&snapshot.root, &mut all);
    all
}

/// A thread's log of what happened in which order.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn add(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub fn has(&self, entry: &str) -> bool {
        self.0.lock().unwrap().iter().any(|e| e == entry)
    }
}

/// The text of a panic payload.
pub fn text(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<&'static str>() {
        Some(text) => text,
        None => payload.downcast_ref::<String>().map_or("", |text| text),
    }
}

/// Runs `f`, which must panic, and gives the payload.
#[track_caller]
pub fn panics<R>(f: impl FnOnce() -> R) -> Box<dyn Any + Send> {
    match std::panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it should have panicked"),
        Err(payload) => payload,
    }
}
