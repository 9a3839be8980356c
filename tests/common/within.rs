//! Owns the limits of time: a test that hangs fails by its name, and no test sleeps to
//! synchronise.
//! Refuses to know the semantics under test.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use homebound::{Result, Scope, scope};

/// How long a test may take before it counts as hung. No working test waits for it, so it is long
/// enough for a busy machine.
pub const LIMIT: Duration = Duration::from_secs(300);
/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(120);
/// Long enough never to end by itself in a test.
pub const NEVER: Duration = Duration::from_secs(3600);

/// The name of the running test.
pub fn test_name() -> String {
    std::thread::current().name().unwrap_or("main").to_owned()
}

/// Runs the test's body on a thread of its own and fails by name when it does not come back.
pub fn within<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    within_for(LIMIT, f)
}

/// As `within`, with a limit of its own.
pub fn within_for<R: Send + 'static>(limit: Duration, f: impl FnOnce() -> R + Send + 'static) -> R {
    let name = test_name();
    let (done, back) = bounded(1);
    let body = std::thread::Builder::new().name(name.clone()).spawn(move || {
        let result = std::panic::catch_unwind(AssertUnwindSafe(f));
        let _ = done.send(result);
    });
    let body = body.expect("the test's thread starts");
    match back.recv_timeout(limit) {
        Ok(Ok(value)) => {
            body.join().expect("the test's thread ends");
            value
        }
        Ok(Err(payload)) => resume_unwind(payload),
        Err(_) => panic!("{name} hangs: not back within {limit:?}"),
    }
}

/// Runs `body` in a scope that must end well.
#[track_caller]
pub fn in_scope(body: impl for<'s> FnOnce(&'s Scope<'s, 'static>) -> Result + Send + 'static) {
    within(move || scope(body).unwrap());
}

/// A gate that opens when the first half is dropped.
pub fn gate() -> (Sender<()>, Receiver<()>) {
    bounded(0)
}

/// Blocks until the gate opens, deaf to any stop.
pub fn pass(gate: &Receiver<()>) {
    let _ = gate.recv();
}

/// Takes its time: widens a window, never synchronises. Fit for thread-local destructors.
pub fn linger(ms: u64) {
    let (never, asleep) = (Mutex::new(()), Condvar::new());
    let until = Instant::now() + Duration::from_millis(ms);
    let mut lock = never.lock().unwrap();
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        lock = asleep.wait_timeout(lock, left).unwrap().0;
    }
}

/// Waits for a condition that must come true, and fails by name when it does not.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never came true: {what}");
        linger(1);
    }
}
