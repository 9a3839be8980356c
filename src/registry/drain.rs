//! Owns the notice between SIGTERM and the stop: its states as *watch* sees them.
//! Refuses to stop anything: it tells *watch* when the stop is due.
//!
//! ```text
//! running --SIGTERM, if there is a notice--> draining --(time over, or any signal)--> stopping
//! running --(any other signal or stop)-----------------------------------------------> stopping
//! ```
//! The clock of G1 and P7 begins with *stopping*. `sys::last` keeps the same states for the case
//! that *watch* cannot look.

use std::time::Instant;

use crate::registry::settings::Settings;
use crate::rt::time::after;

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
