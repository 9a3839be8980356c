//! Owns the waits of a context: for channels, moments, descriptors, connections and condvars.
//! Refuses to poll, and to know how a stop travels.
//!
//! Read `channel` first.

pub(crate) mod channel;
#[cfg(feature = "parking_lot")]
pub(crate) mod condvar;
#[cfg(unix)]
pub(crate) mod fifo;
#[cfg(unix)]
pub(crate) mod io;
pub(crate) mod iter;
#[cfg(unix)]
pub(crate) mod net;
