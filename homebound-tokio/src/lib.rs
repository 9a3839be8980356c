//! A tokio runtime in a service of a [homebound] scope, and bridges between the two kinds of stop.
//!
//! - [`block_on_tokio`] builds a runtime in a service, runs a future, and shuts the runtime down.
//!   The threads of the runtime are guests of the scope: the dump shows them by name and purpose.
//! - [`cancel_on_stop`] and [`stop_on_cancel`] hand a stop on to a [`CancellationToken`], and a
//!   cancelled token on to a scope. Neither needs a thread.
//! - [`joined`] awaits a thread of a scope from async code.
//! - [`reported`] makes the error or the panic of a spawned task a failure of the scope.
//!
//! ```
//! use homebound_tokio::block_on_tokio;
//! use std::time::Duration;
//!
//! homebound::scope(|scope| {
//!     let limit = Duration::from_secs(3);
//!     scope.service("tokio", "serves", move |cx| {
//!         block_on_tokio(cx, 2, limit, |token| async move {
//!             token.cancelled().await; // the stop of the service
//!             Ok(())
//!         })
//!     })?;
//!     Ok(())
//! })?;
//! # Ok::<(), homebound::ScopeError>(())
//! ```

#![forbid(unsafe_code)]

// The bridges, from the simplest on.
mod bridge;
mod joined;
mod reported;

// The runtime, and its threads as guests.
mod guests;
mod runtime;

pub use bridge::{StopOnCancel, cancel_on_stop, stop_on_cancel};
pub use joined::{Joined, joined};
pub use reported::{Reported, reported};
pub use runtime::block_on_tokio;
pub use tokio_util::sync::CancellationToken;

/// The README, so that its code is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
