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
use crate::registry::settings::Settings;
use crate::rt::time::after;

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
    /// For each signal that asks for a stop. True if the notice begins with it, so that nothing
    /// stops yet.
    pub(crate) fn begins(&mut self, signal: i32, came: Instant, is_first: bool, settings: &Settings) -> bool {
        let notice = settings.drain_notice;
        let begins = matches!(self, Notice::Ahead) && signal == DRAINS && is_first && !notice.is_zero();
        // Ahead -> until, or any -> over: the stop begins with this signal.
        *self = if begins { Notice::Until(after(came, notice)) } else { Notice::Over };
        begins
    }

    /// True once: when the time of the notice has passed.
    pub(crate) fn is_over(&mut self, now: Instant) -> bool {
        let is_over = self.until().is_some_and(|at| now >= at);
        if is_over {
            // Until -> over: the stop begins by itself.
            *self = Notice::Over;
        }
        is_over
    }

    /// When the process ends by force if the notice is used up.
    pub(crate) fn last_end(self, settings: &Settings) -> Option<Instant> {
        self.until().map(|at| after(after(at, settings.grace), settings.kill_after))
    }

    /// When the stop is due.
    pub(crate) fn until(self) -> Option<Instant> {
        match self {
            Notice::Until(at) => Some(at),
            Notice::Ahead | Notice::Over => None,
        }
    }
}
