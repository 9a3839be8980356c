//! Owns the wait for the notice before a stop.
//! Refuses to know where the notice comes from.

use std::panic::Location;

use crate::outcome::errors::error::WaitError;
use crate::outcome::stopped::Stopped;
use crate::stop::select::until_stopped;
use crate::thread::context::Context;
use crate::tree::wait_mark::WaitMark;

impl Context {
    /// Blocks until the program is to take in no more work: until the
    /// [notice](crate::Registry::drain_notice) that SIGTERM begins. At once if it has begun.
    ///
    /// ```no_run
    /// use homebound::{Exit, Registry};
    /// use std::time::Duration;
    ///
    /// fn main() -> Exit<()> {
    ///     Registry::new("web").drain_notice(Duration::from_secs(5)).run(|scope| {
    ///         scope.service("lobby", "says that the house is closing", |cx| {
    ///             cx.wait_for_drain()?;
    ///             cx.status("draining");
    ///             Ok(drop(cx.wait_for_stop()))
    ///         })?;
    ///         scope.context().wait_for_stop();
    ///         Ok(())
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Stopped`] if the stop comes without a notice, or has come.
    #[track_caller]
    #[must_use = "a stop without a notice ends it with an error: pass it on with `?`"]
    pub fn wait_for_drain(&self) -> Result<(), Stopped> {
        let at = Location::caller();
        self.point("wait_for_drain", at);
        let _mark = WaitMark::new("notice", at);
        let signal = self.drain_signal();
        let waited =
            until_stopped(self.node(), None, |select| select.recv(signal), |chosen| chosen.recv(signal));
        match waited {
            Ok(_disconnected) => Ok(()),
            Err(WaitError::Stopped(stopped)) => Err(stopped),
            // Not by time and not by a message: the receiver has neither.
            Err(_) => Err(self.stopped()),
        }
    }
}
