//! Owns the callback or deferred function that a thread runs, as plain data.
//! Refuses to know how it came to be run.

use std::time::Duration;

/// A callback or deferred function that a thread runs: see
/// [`ThreadStatus::call`](crate::ThreadStatus::call).
///
/// ```
/// homebound::scope(|scope| {
///     scope.service("device", "reads until it is closed", |cx| {
///         let _closes = cx.on_stop(|| println!("closes the device"));
///         Ok(drop(cx.wait_for_stop()))
///     })?;
///     for thread in scope.active_threads() {
///         if let Some(call) = &thread.call {
///             println!("{} is in a {} for {:?}", thread.path, call.what, call.running_for);
///         }
///     }
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CallStatus {
    /// The kind of the call, and its owner: `callback of /shop/feed`, or `deferred function
    /// "remove" of /shop, from src/main.rs:12:5`.
    pub what: String,
    /// For how long it has run.
    pub running_for: Duration,
}
