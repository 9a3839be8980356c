//! Owns the two bridges between a stop and a `CancellationToken`.
//! Refuses to have a thread for them: each side calls the other at the moment of its own stop.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Polled, Poll, Wake, Waker};

use homebound::{Context, OnStop, Stopper};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Cancels the token on the stop of `cx`, on the thread that stops, or at once if the stop has come
/// already. When the guard drops, the bridge is gone.
///
/// ```
/// use homebound_tokio::{CancellationToken, cancel_on_stop};
///
/// homebound::scope(|scope| {
///     let token = CancellationToken::new();
///     let _bridge = cancel_on_stop(scope.context(), &token);
///     scope.stop();
///     assert!(token.is_cancelled());
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
pub fn cancel_on_stop(cx: &Context, token: &CancellationToken) -> OnStop {
    let token = token.clone();
    cx.on_stop(move || token.cancel())
}

/// Stops the scope or the thread of `stopper` when the token is cancelled, on the thread that
/// cancels, or at once if it is cancelled already. Works without a runtime. When the guard drops,
/// the bridge is gone.
///
/// ```
/// use homebound_tokio::{CancellationToken, stop_on_cancel};
///
/// homebound::scope(|scope| {
///     let token = CancellationToken::new();
///     let _bridge = stop_on_cancel(token.clone(), scope.stopper());
///     scope.spawn("client", "ends the program from async code", move |_| Ok(token.cancel()))?;
///     let reason = scope.context().wait_for_stop();
///     assert_eq!(reason.to_string(), "a CancellationToken was cancelled");
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
pub fn stop_on_cancel(token: CancellationToken, stopper: Stopper) -> StopOnCancel {
    let waker = Waker::from(Arc::new(Stops { token: token.clone(), stopper }));
    let mut cancelled = Box::pin(token.cancelled_owned());
    if let Poll::Ready(()) = cancelled.as_mut().poll(&mut Polled::from_waker(&waker)) {
        waker.wake();
    }
    StopOnCancel { _cancelled: cancelled }
}

/// Keeps the bridge of [`stop_on_cancel`], until this drops.
#[must_use = "the bridge is gone when this drops"]
pub struct StopOnCancel {
    /// Polled once. While it lives, the token has its waker.
    _cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl fmt::Debug for StopOnCancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopOnCancel").finish_non_exhaustive()
    }
}

/// The waker of the bridge.
struct Stops {
    token: CancellationToken,
    stopper: Stopper,
}

impl Wake for Stops {
    fn wake(self: Arc<Self>) {
        // A future may be woken without a cause. The flag of a token is set before its waiters are
        // woken, and no lock of the token is held then: a callback of this stop may cancel it.
        if self.token.is_cancelled() {
            self.stopper.stop_because("a CancellationToken was cancelled");
        }
    }
}
