//! Owns the way of a stop to a thread that waits at a condvar of the program's.
//! Refuses to know the types of condvar and mutex: the feature `parking_lot` gives them.
//!
//! Read `interrupt` first: it tells the four races of such a wait. `waiter` is the loop of the
//! waiting thread, `retry` the loop of the thread that delivers interrupts in doubt again.

#[cfg_attr(not(feature = "parking_lot"), allow(dead_code))]
pub(crate) mod interrupt;
pub(crate) mod retry;
#[cfg_attr(not(feature = "parking_lot"), allow(dead_code))]
pub(crate) mod waiter;
