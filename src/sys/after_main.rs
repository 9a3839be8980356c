//! Owns the guard of what runs after `main`: functions of `atexit`, destructors of thread-locals of
//! the main thread, the last bytes of stdout.
//! Refuses to decide when the process ends: the registry knows its clock.

use std::mem;
use std::time::{Duration, Instant};

use super::last::{End, Guard, arm, prepare};
use super::why_ended::set_after_main;

/// Has the process end at `at`, whatever runs after `main`. Called by the main thread when the run
/// is over. The timer stays until the process ends, or until the next run.
pub(crate) fn guard_exit(at: Instant, end: End) {
    prepare(end, &[], Duration::ZERO, Duration::ZERO);
    set_after_main(true);
    if let Ok(guard) = Guard::new() {
        // Not dropped, because the drop takes the timer back.
        mem::forget(guard);
        arm(at, end);
    }
}
