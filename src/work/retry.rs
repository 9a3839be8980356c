//! Owns calls that are tried again in place, on the calling thread.
//! Refuses to decide when: `restart::decision` does.

use std::panic::Location;
use std::time::{Duration, Instant};

use tracing::warn;

use crate::outcome::errors::chain;
use crate::outcome::errors::retried::bounded;
use crate::rt::contain::log_contained;
use crate::rt::shown::shown;
use crate::rt::time::after;
use crate::tree::classify::shows_stop_of;
use crate::tree::wait_mark::WaitMark;
use crate::work::restart::decision::{Ended, History, Next};
use crate::{BoxError, Context, Restart, Result, RetryError, Stopped};

/// # Retries
impl Context {
    /// Calls `f` until it returns `Ok`, with the pauses and the limits of `policy`: the way to an
    /// address that may not answer yet. Everything happens on the calling thread.
    ///
    /// A failed try is logged as a warning, and fails nothing. A pause ends at once on a stop, and
    /// is in the dump. The length of a call is what
    /// [`stable_after`](crate::work::Restart::stable_after) looks at. A panic in `f` is not caught.
    /// A time-out for each try is a deadline inside `f`, whose stop is a failed try.
    ///
    /// ```
    /// use homebound::work::Restart;
    /// use std::net::{TcpListener, TcpStream};
    ///
    /// homebound::scope(|scope| {
    ///     let server = TcpListener::bind("127.0.0.1:0")?;
    ///     let address = server.local_addr()?;
    ///     let connect = |_: &homebound::Context| Ok(TcpStream::connect(address)?);
    ///     let line = scope.context().retry(&Restart::on_failure(), connect)?;
    ///     assert_eq!(line.peer_addr()?, address);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`RetryError`]: the stop, an error that the policy calls hopeless, or the error of the last
    /// try. `f` is not called if the context is stopping already. An intensity that the pauses make
    /// unreachable is not refused here; it only never ends the tries.
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn retry<T>(
        &self,
        policy: &Restart,
        mut f: impl FnMut(&Context) -> Result<T>,
    ) -> std::result::Result<T, RetryError> {
        let at = Location::caller();
        self.point("retry", at);
        // A context that is stopping tries nothing (SV2).
        if self.node().is_stopping() {
            return Err(RetryError::Stopped(self.stopped()));
        }
        let (mut history, mut tries) = (History::default(), 0_u32);
        loop {
            let began = Instant::now();
            let error = match f(self) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            tries = tries.saturating_add(1);
            // The stop of this very context. The stop of an inner deadline is a failed try, as any
            // other error.
            if shows_stop_of(&*error, self.node()) {
                return Err(RetryError::Stopped(self.stopped()));
            }
            let now = Instant::now();
            let ended = Ended::Error(&*error);
            match policy.decide(now, now.saturating_duration_since(began), &ended, &mut history, None) {
                Next::Again(pause) => self.before_the_next_try(tries, &error, pause, at)?,
                Next::Hopeless => return Err(RetryError::Hopeless(bounded(error))),
                // `never` as well: its only try has failed.
                Next::Over | Next::GiveUp { .. } => {
                    return Err(RetryError::GaveUp { tries, last: bounded(error) });
                }
            }
        }
    }

    /// Logs the failed try, and waits for the next one.
    fn before_the_next_try(
        &self,
        tries: u32,
        error: &BoxError,
        pause: Duration,
        at: &'static Location<'static>,
    ) -> std::result::Result<(), Stopped> {
        // `Display` of the error and the subscriber are the program's.
        log_contained(|| {
            warn!(
                target: "homebound::thread",
                path = &*shown(self.path()),
                tries,
                error = &*shown(&chain::text(&**error)),
                pause = ?pause,
                "failed, and tries again"
            );
        });
        self.point("retry", at);
        let _mark = WaitMark::new("a pause before the next try", at);
        if self.pause(Some(after(Instant::now(), pause))) { Err(self.stopped()) } else { Ok(()) }
    }
}
