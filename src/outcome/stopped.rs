//! Owns the proof that a wait ended for a stop, and for which.
//! Refuses to be made anywhere but in homebound.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::outcome::marks::{Carries, Mark, Token, note};
use crate::outcome::reason::{Stop, StopReason};

/// A wait ended because of a stop. Only homebound makes it.
///
/// It knows which stop it was: one call of `stop`, one signal, one failure, one deadline. A thread that was asked to stop, and
/// returns an error that holds a `Stopped` of that very stop, however deep, in whatever wrapper, and whichever thread made it,
/// has *stopped*; it has not failed. A `Stopped` of another stop (of a thread that it stopped itself, of a deadline inside of
/// it, of an earlier run) is a failure like any other error.
///
/// ```
/// use std::time::Duration;
///
/// homebound::scope(|scope| {
///     let sleeper = scope.spawn("sleeper", "sleeps for a minute", |cx| {
///         Ok(cx.sleep(Duration::from_secs(60))?) // ends with `Stopped`, which is no failure
///     })?;
///     drop(sleeper);
///     Ok(scope.stop())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Clone)]
pub struct Stopped {
    token: Token,
}

impl Stopped {
    /// Where no node issues it: see `Node::stopped`.
    pub(crate) fn new(cause: Stop) -> Stopped {
        Stopped::issued(Mark::new(Carries::Stop(cause)))
    }

    /// `mark` is that of a stop.
    pub(crate) fn issued(mark: Arc<Mark>) -> Stopped {
        note(&mark);
        Stopped { token: Token::of(mark) }
    }

    /// Which stop it was.
    pub(crate) fn cause(&self) -> Option<&Stop> {
        match self.token.carries() {
            Carries::Stop(cause) => Some(cause),
            Carries::Failures(_) => None,
        }
    }

    /// Why.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.stopper().stop_because("time to go");
    ///     let stopped = scope.context().checkpoint().unwrap_err();
    ///     assert_eq!(stopped.reason().to_string(), "time to go");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn reason(&self) -> &StopReason {
        self.cause().map_or(&StopReason::UsersDone, |cause| &cause.reason)
    }
}

impl fmt::Debug for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::outcome::marks::show();
        f.debug_tuple("Stopped").field(self.reason()).finish()
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::outcome::marks::show();
        write!(f, "stopped: {}", self.reason())
    }
}

impl Error for Stopped {}
