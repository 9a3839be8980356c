//! Owns the future that waits for a thread or a job of a scope.
//! Refuses to block, and to have a thread: the ending thread wakes the task.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Polled, Poll, Waker};

use homebound::{Handle, Job, JoinError, OnStop};
use parking_lot::Mutex;

/// Makes a future of the handle of a thread, or of a pool's job: what `join` returns, without a
/// thread that blocks. Runs under any executor.
///
/// If the future is dropped before the thread has ended, the thread goes on, and its scope gets the
/// result, as with any handle that drops. A poll after the result is pending for ever.
///
/// ```
/// use homebound_tokio::{block_on_tokio, joined};
/// use std::time::Duration;
///
/// homebound::scope(|scope| {
///     scope.spawn("client", "needs a sum", |cx| {
///         let adder = cx.spawn("adder", "adds on a thread of its own", |_| Ok(1 + 2))?;
///         let sum = block_on_tokio(cx, 0, Duration::from_secs(1), |_| async move {
///             Ok(joined(adder).await?)
///         })?;
///         Ok(assert_eq!(sum, 3))
///     })?;
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
///
/// # Errors
/// The errors of [`Handle::join`](homebound::Handle::join). `joined` does not look for a cycle,
/// because no thread waits.
pub fn joined<E: Ends>(of: E) -> Joined<E> {
    Joined { of, waker: Arc::default(), wakes: None }
}

/// The future of [`joined`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Joined<E> {
    of: E,
    /// Written by `poll`, taken by the thread that ends.
    waker: Arc<Mutex<Option<Waker>>>,
    /// `None` until the first poll.
    wakes: Option<OnStop>,
}

// No part of it is pinned.
impl<E> Unpin for Joined<E> {}

impl<E: Ends> Future for Joined<E> {
    type Output = Result<E::Value, JoinError>;

    fn poll(self: Pin<&mut Self>, polled: &mut Polled<'_>) -> Poll<Self::Output> {
        let joined = self.get_mut();
        // Both with the lock free: a clone of a waker runs code of the executor's, and the last
        // waker of a task may take the task along.
        let waker = polled.waker().clone();
        // The waker first, then the look: a thread that ends in between finds the waker. Pairs with
        // the callback, which runs when `try_join` has a result.
        let earlier = joined.waker.lock().replace(waker);
        drop(earlier);
        if joined.wakes.is_none() {
            let waker = Arc::clone(&joined.waker);
            joined.wakes = Some(joined.of.on_done(move || {
                let waker = waker.lock().take();
                waker.into_iter().for_each(Waker::wake);
            }));
        }
        joined.of.try_join().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<E> fmt::Debug for Joined<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined").finish_non_exhaustive()
    }
}

/// What [`joined`] waits for: a [`Handle`] of a thread, a [`Job`] of a pool.
pub trait Ends: sealed::Sealed {
    /// What its closure returns.
    type Value;

    #[doc(hidden)]
    fn on_done(&self, f: impl FnOnce() + Send + 'static) -> OnStop;

    #[doc(hidden)]
    fn try_join(&mut self) -> Option<Result<Self::Value, JoinError>>;
}

impl<T> Ends for Handle<'_, T> {
    type Value = T;

    fn on_done(&self, f: impl FnOnce() + Send + 'static) -> OnStop {
        Handle::on_done(self, f)
    }

    fn try_join(&mut self) -> Option<Result<T, JoinError>> {
        Handle::try_join(self)
    }
}

impl<T> Ends for Job<'_, T> {
    type Value = T;

    fn on_done(&self, f: impl FnOnce() + Send + 'static) -> OnStop {
        Job::on_done(self, f)
    }

    fn try_join(&mut self) -> Option<Result<T, JoinError>> {
        Job::try_join(self)
    }
}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for homebound::Handle<'_, T> {}
    impl<T> Sealed for homebound::Job<'_, T> {}
}
