//! Owns the moment before a sleep: what is about to happen is cheaper to see than to be woken for.
//! Refuses to look for long, and to keep others from running: between two looks it yields.

use std::hint::spin_loop;
use std::thread;
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

use crate::sync::MODELLED;
use crate::sys;

/// About what it costs to be woken.
pub(super) const A_WAKE_UP: Duration = Duration::from_micros(20);

/// Looks whether `it_is_so`, for `a_while` at most; the last answer.
pub(super) fn spin_until(a_while: Duration, it_is_so: impl Fn() -> bool) -> bool {
    if MODELLED {
        // The clock is no part of a model: there, one look stands for any number of them.
        return it_is_so();
    }
    let end = Instant::now() + a_while;
    while !it_is_so() {
        if Instant::now() >= end {
            return false;
        }
        (0..16).for_each(|_| spin_loop());
        thread::yield_now();
    }
    true
}

/// How many the calling thread may use, as it was when this was asked first: the answer costs a system call.
pub(super) fn cores() -> usize {
    static CORES: OnceCell<usize> = OnceCell::new();
    *CORES.get_or_init(sys::cores)
}
