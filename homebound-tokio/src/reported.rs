//! Owns the future that tells a scope how its task has failed.
//! Refuses to start the task, and to know how it runs: an executor does.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context as Polled, Poll};

use homebound::{Context, Result};

/// Wraps the future of a task that nobody awaits: its error or its panic becomes a failure of the
/// thread of `cx`, and so of its scope. tokio alone keeps both for a `JoinHandle`.
///
/// The output is `None` if the future has failed. An error that is the thread's own stop is no
/// failure. The panic's place is known if the task runs on a thread that is in a scope, as the
/// threads of [`block_on_tokio`](crate::block_on_tokio) are.
///
/// ```
/// use homebound_tokio::{block_on_tokio, reported};
/// use std::time::Duration;
///
/// let error = homebound::scope(|scope| {
///     scope.service("tokio", "runs tasks", |cx| {
///         let task = reported(cx, async { Ok("12x".parse::<u8>()?) });
///         block_on_tokio(cx, 1, Duration::from_secs(1), |token| async move {
///             tokio::spawn(task);
///             token.cancelled().await; // the failure stops the scope
///             Ok(())
///         })
///     })?;
///     scope.context().wait_for_stop();
///     Ok(())
/// })
/// .unwrap_err();
/// assert_eq!(error.first().expect("one failure").name(), "tokio");
/// ```
pub fn reported<T, F: Future<Output = Result<T>>>(cx: &Context, future: F) -> Reported<F> {
    Reported { cx: cx.clone(), future: Some(Box::pin(future)) }
}

/// The future of [`reported`].
#[must_use = "a future does nothing until it is awaited or spawned"]
pub struct Reported<F> {
    cx: Context,
    /// `None` when it has ended.
    future: Option<Pin<Box<F>>>,
}

impl<T, F: Future<Output = Result<T>>> Future for Reported<F> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, polled: &mut Polled<'_>) -> Poll<Option<T>> {
        let Some(mut future) = self.future.take() else { return Poll::Ready(None) };
        // A future that has panicked is dropped here, and never polled again.
        let ready = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(polled))) {
            Ok(Poll::Pending) => {
                self.future = Some(future);
                return Poll::Pending;
            }
            Ok(Poll::Ready(Ok(value))) => Some(value),
            Ok(Poll::Ready(Err(error))) => {
                self.cx.fail(error);
                None
            }
            Err(payload) => {
                self.cx.fail_panic(payload);
                None
            }
        };
        Poll::Ready(ready)
    }
}

impl<F> fmt::Debug for Reported<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reported").finish_non_exhaustive()
    }
}
