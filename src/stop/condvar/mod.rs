//! Owns how a stop reaches a thread that waits at a condvar of the program's.
//! Refuses to know what condvar and mutex are: the feature `parking_lot` gives them.
//!
//! Read `interrupt` first.

#[cfg_attr(not(feature = "parking_lot"), allow(dead_code))]
pub(crate) mod interrupt;
pub(crate) mod retry;
#[cfg_attr(not(feature = "parking_lot"), allow(dead_code))]
pub(crate) mod waiter;
