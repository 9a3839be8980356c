//! Owns the short wait before a sleep: an event that is about to happen is cheaper to poll for than
//! to be woken for.
//! Refuses to poll for long, and to keep other threads from running for more than a few
//! microseconds: then it yields between two polls.

use std::hint::spin_loop;
use std::thread;
use std::time::{Duration, Instant};

use crate::sync::MODELLED;

/// The longest time to poll. About the cost of a wake-up, so that polling in vain at most doubles
/// it.
pub(crate) const A_WAKE_UP: Duration = Duration::from_micros(20);

/// Polls `it_is_so` until it is true, for `a_while` at most. Returns the last answer.
pub(crate) fn spin_until(a_while: Duration, it_is_so: impl Fn() -> bool) -> bool {
    // A model has no clock, so one poll stands for any number of polls.
    it_is_so() || (!MODELLED && poll(a_while, &it_is_so))
}

/// Not inlined, so that `ci/instructions.sh` can leave it out: how many polls there are depends on
/// the clock.
#[inline(never)]
fn poll(a_while: Duration, it_is_so: &dyn Fn() -> bool) -> bool {
    let end = Instant::now() + a_while;
    while Instant::now() < end {
        // A few pauses of the processor between two polls, then the core is offered to other
        // threads: one of them may be the thread that makes `it_is_so` true.
        (0..16).for_each(|_| spin_loop());
        thread::yield_now();
        if it_is_so() {
            return true;
        }
    }
    false
}

/// Pauses of the processor in a glance: 1 to 3 microseconds.
const A_GLANCE: usize = 64;

/// Polls `it_is_so` until it is true, for a moment that is short against a wake-up, and without
/// giving the core away. Returns the last answer.
pub(crate) fn glance(it_is_so: impl Fn() -> bool) -> bool {
    let polls = if MODELLED { 1 } else { A_GLANCE };
    (0..polls).any(|_| {
        let so = it_is_so();
        if !so {
            spin_loop();
        }
        so
    })
}
