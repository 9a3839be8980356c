//! Owns the notice between SIGTERM and the stop: the setting, and its states as *watch* sees them.
//! Refuses to stop anything: it tells *watch* when the stop is due.
//!
//! ```text
//! running --SIGTERM, if there is a notice--> draining --(time over, or any signal)--> stopping
//! running --(any other signal or stop)-----------------------------------------------> stopping
//! ```
//! The clock of G1 and P7 begins with *stopping*. `sys::last` keeps the same states for the case
//! that *watch* cannot look.

use std::time::{Duration, Instant};

use crate::registry::face::Registry;

impl Registry {
    /// Lets `notice` pass between SIGTERM and the stop, in which
    /// [`Context::is_draining`](crate::Context::is_draining) is true and everything goes on: for
    /// Kubernetes and load balancers, which go on to send requests for a while after they have
    /// decided to end the process.
    ///
    /// A program that is done earlier returns from its body, or stops its scope. Any other stop
    /// does not wait for the end of the notice. Any signal that asks for a stop, a second SIGTERM
    /// for example, ends the notice and stops at once, and counts as the first signal from there. A
    /// launcher that sends SIGTERM twice so takes the notice away. SIGINT and SIGHUP have no
    /// notice. The grace begins with the stop, so the process is gone within `notice` + `grace` +
    /// `kill_after`: `terminationGracePeriodSeconds` has to be longer.
    ///
    /// ```no_run
    /// use homebound::{Exit, Registry};
    /// use std::time::Duration;
    ///
    /// fn main() -> Exit<()> {
    ///     let registry = Registry::new("web").drain_notice(Duration::from_secs(5));
    ///     registry.grace(Duration::from_secs(20)).run(|scope| {
    ///         let cx = scope.context();
    ///         cx.wait_for_drain()?; // .. SIGTERM: answer "Connection: close" from here on
    ///         cx.wait_for_stop(); // .. 5 s later
    ///         Ok(())
    ///     })
    /// }
    /// ```
    pub fn drain_notice(mut self, notice: Duration) -> Registry {
        self.settings.drain_notice = notice;
        self
    }
}

/// SIGTERM, the one signal with a notice.
pub(crate) const DRAINS: i32 = 15;

/// The notice of a run, as *watch* sees it. Moments are of the clock of `awake`.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) enum Notice {
    /// No SIGTERM has come yet.
    #[default]
    Ahead,
    /// The stop is due at this moment.
    Until(Instant),
    /// The stop has begun, or is about to.
    Over,
}

impl Notice {
    /// When the stop is due.
    pub(crate) fn until(self) -> Option<Instant> {
        match self {
            Notice::Until(at) => Some(at),
            Notice::Ahead | Notice::Over => None,
        }
    }
}
