//! Owns the way of one value to a thread that may have left: the value is taken, or handed back.
//! Refuses to wake: its callers have an alarm for that.
//!
//! ```text
//! Empty --put--> Full --close, which takes the value--> Closed
//!   +------------------------close--------------------> Closed --put: hands the value back--+
//!                                                          ^------------------------------+
//! ```
//!
//! Both ends are one slot, and each transition is made under its lock, so no value is lost between
//! a sender that gives it and a receiver that leaves.

use std::mem::replace;

use crate::sync::Mutex;

pub(crate) struct Slot<V>(Mutex<Place<V>>);

enum Place<V> {
    Empty,
    Full(V),
    /// The receiver has left. The last state.
    Closed,
}

impl<V> Slot<V> {
    pub(crate) fn new() -> Slot<V> {
        Slot(Mutex::new(Place::Empty))
    }

    /// Empty -> full. Returns the value if the slot is closed.
    pub(crate) fn put(&self, value: V) -> Option<V> {
        let mut place = self.0.lock();
        if matches!(*place, Place::Closed) {
            return Some(value);
        }
        *place = Place::Full(value);
        None
    }

    /// Any -> closed. The caller drops the value with the lock free.
    pub(crate) fn close(&self) -> Option<V> {
        match replace(&mut *self.0.lock(), Place::Closed) {
            Place::Full(value) => Some(value),
            Place::Empty | Place::Closed => None,
        }
    }
}
