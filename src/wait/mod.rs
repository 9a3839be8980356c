//! What the waits of a [`Context`] return: iterators over ticks and messages, and
//! streams whose reads end on a stop.
//!
//! The waits themselves are methods of [`Context`]: each ends when the context is told to stop, and
//! none polls.
//!
//! | for | wait | it returns |
//! |---|---|---|
//! | the stop | [`wait_for_stop`](crate::Context::wait_for_stop) | the reason |
//! | a moment | [`sleep`](crate::Context::sleep), `sleep_until` | an error on a stop |
//! | the notice before a stop | `wait_for_drain` | an error on a stop |
//! | moments again and again | [`ticks`](crate::Context::ticks) | [`Ticks`] |
//! | one message | [`recv`](crate::Context::recv), `send` | an error on a stop |
//! | messages until the stop | [`iter`](crate::Context::iter) | [`Iter`] |
//! | messages until none is left | [`drain`](crate::Context::drain) | [`Drain`] |
//! | a descriptor (unix) | `io`, `wait_readable`, .. | an `io::Error` on a stop |
//! | a connection (unix) | `accept`, `connect` | an `io::Error` on a stop |
//! | a condition variable (feature `parking_lot`) | `wait_while` | an error on a stop |
//!
//! [`Context`]: crate::Context
// Owns the waits of a context: for channels, moments, descriptors, connections and condvars.
// Refuses to poll, and to know how a stop travels.
// Read `channel` first.
// The order of the modules is the order of the methods on the page of `Context`.
//
// To add a wait, write a method of `Context` with these parts, in this order (`Context::recv` is
// the model):
// 1. `#[track_caller]`, and a `#[must_use]` that says what to do with a stop;
// 2. `self.point(..)`, where a test may plant a stop or a panic;
// 3. a look at the stop, which wins, and a try that does not block;
// 4. a `WaitMark`, so that the dump names the wait and its line;
// 5. the block, built on one of: `until_stopped` (`stop/select.rs`) for what is a channel,
//    `Context::until_ready` (`io`) for a descriptor, `wait_at` (private to `condvar`) for a mutex
//    and condvar. A wait that sleeps on a word of its own hears the stop by a `Relay`
//    (`stop/relay.rs`), as `fifo` does. `Context::pause` ends by the stop or by time alone.

pub(crate) mod channel;

pub(crate) mod iter;

pub(crate) mod notice;

#[cfg(feature = "parking_lot")]
pub(crate) mod condvar;

#[cfg(unix)]
pub(crate) mod io;

#[cfg(unix)]
pub(crate) mod fifo;

#[cfg(unix)]
pub(crate) mod net;

#[cfg(unix)]
pub use io::Io;
pub use iter::{Drain, Ended, Iter, Ticks};
#[cfg(unix)]
pub use net::Listener;
