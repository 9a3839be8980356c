//! Owns the words by which the kernel's timer says why it ends the process.
//! Refuses to end it: `last` does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::write_stderr;

/// The run is over, and `main` returns. Written by `set_after_main`, read by the handler of the
/// timer.
static AFTER_MAIN: AtomicBool = AtomicBool::new(false);

const STUCK: &str = "homebound: the process is ended, since its time is over and its own watch cannot go on: a thread holds the lock of \
                     the allocator or of the loader, or stderr is not read, or the machine gives it no time.\n";
const HANGS: &str = "homebound: the process is ended, since its time is over: main has returned, and something that runs after it does not \
                     end: a function of `atexit`, a destructor of a thread-local of the main thread, or a stdout that nobody reads.\n";

/// Says whether the timer guards what runs after `main`, or a run.
pub(super) fn set_after_main(is: bool) {
    AFTER_MAIN.store(is, Ordering::SeqCst);
}

/// Says on stderr why the process is ended by the timer. May be called in a signal handler.
pub(super) fn say_why(patience: Duration) {
    let why = if AFTER_MAIN.load(Ordering::SeqCst) { HANGS } else { STUCK };
    write_stderr(why.as_bytes(), patience);
}
