//! Owns the way of a stop to a thread that waits at a condvar of the program's.
//! Refuses to know the types of condvar and mutex: the feature `parking_lot` gives them.
//!
//! Read `waiter` first: it has the wait, and tells the four races; `interrupt` is the way of a stop
//! to it. `delivery` is the side of the threads that stop. Of all this a node knows the list
//! `State::interrupts`, which a stop hands to `deliver_all`.

pub(crate) mod delivery;
#[cfg_attr(not(feature = "parking_lot"), allow(dead_code))]
pub(crate) mod interrupt;
#[cfg_attr(not(feature = "parking_lot"), allow(dead_code))]
pub(crate) mod waiter;
