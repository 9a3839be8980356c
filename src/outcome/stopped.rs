//! Owns the proof that a wait ended because of a stop, and which stop it was.
//! Refuses to be made outside of homebound, so that no program can claim a stop.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::outcome::marks::{Carries, Mark, Token, note};
use crate::outcome::reason::{Stop, StopReason};

/// The proof that a wait ended because of a stop. Only homebound makes it.
///
/// A `Stopped` knows its stop: one call of `stop`, one signal, one failure, or one deadline. A
/// thread that was asked to stop, and returns an error that holds a `Stopped` of that very stop,
/// has *stopped*, and has not failed. The `Stopped` may be at any depth, in any wrapper, and from
/// any thread. A `Stopped` of another stop (the stop of a thread that this thread stopped itself,
/// of a deadline inside of it, or of an earlier run) is a failure like any other error.
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
    /// A proof that no node issues. `Node::stopped` makes the others.
    pub(crate) fn new(cause: Stop) -> Stopped {
        Stopped::issued(Mark::new(Carries::Stop(cause)))
    }

    /// A proof with the mark of a stop.
    pub(crate) fn issued(mark: Arc<Mark>) -> Stopped {
        // The classification of an error of this thread looks for this stop later (A4).
        note(&mark);
        Stopped { token: Token::of(mark) }
    }

    /// The stop. Never `None`, since the mark of a `Stopped` carries a stop.
    pub(crate) fn cause(&self) -> Option<&Stop> {
        match self.token.carries() {
            Carries::Stop(cause) => Some(cause),
            Carries::Failures(_) => None,
        }
    }

    /// Why the stop was asked for.
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
