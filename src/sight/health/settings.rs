//! Owns the settings of the health looks.
//! Refuses to look.

use std::time::Duration;

/// What the registry does to find threads that are stuck: see
/// [`Registry::health`](crate::Registry::health).
///
/// | setting | default |
/// |---|---|
/// | [`look_every`](Self::look_every) | 1 s |
/// | [`warn_after`](Self::warn_after) | 10 s |
/// | [`stuck_after`](Self::stuck_after) | 60 s |
/// | [`on_stuck`](Self::on_stuck) | [`OnStuck::Report`] |
///
/// ```
/// use homebound::registry::{Health, OnStuck, Registry};
/// use std::time::Duration;
///
/// let health = Health::new().warn_after(Duration::from_secs(5)).on_stuck(OnStuck::Exit(70));
/// Registry::new("queue").health(health).run(|_| Ok(())).into_result()?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "settings do nothing until Registry::health takes them"]
pub struct Health {
    pub(crate) look_every: Duration,
    pub(crate) warn_after: Duration,
    pub(crate) stuck_after: Duration,
    pub(crate) on_stuck: OnStuck,
}

/// What the registry does when a thread is *stuck*, beside the line that it logs. No thread can be
/// ended from outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnStuck {
    /// Nothing more.
    #[default]
    Report,
    /// Stops the scope of the thread, with the reason
    /// [`StopReason::Stuck`](crate::StopReason::Stuck): the siblings come home. A scope returns
    /// when all its threads are home, so the stuck thread holds it up, or the grace of the root
    /// ends the process.
    StopScope,
    /// Ends the process with this exit code, after a dump on stderr. Deferred functions do not run.
    Exit(u8),
}

/// How late a look may be at least, whatever the period.
const TOLERANCE: Duration = Duration::from_millis(250);

/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(10);

impl Health {
    /// The defaults.
    pub fn new() -> Health {
        Health {
            look_every: Duration::from_secs(1),
            warn_after: Duration::from_secs(10),
            stuck_after: Duration::from_secs(60),
            on_stuck: OnStuck::Report,
        }
    }

    /// How late a look may be before it says nothing. Not less than a busy machine may delay a
    /// thread.
    pub(crate) fn lateness(&self) -> Duration {
        self.look_every.max(TOLERANCE)
    }

    /// Sets the time between two looks. Less than 10 ms counts as 10 ms.
    pub fn look_every(mut self, period: Duration) -> Health {
        self.look_every = period.max(SHORTEST);
        self
    }

    /// Sets how long a thread may be blocked outside of homebound's waits before a warning is
    /// logged.
    pub fn warn_after(mut self, time: Duration) -> Health {
        self.warn_after = time;
        self
    }

    /// Sets how long a thread may be blocked outside of homebound's waits before it is *stuck*.
    pub fn stuck_after(mut self, time: Duration) -> Health {
        self.stuck_after = time;
        self
    }

    /// Sets what is done when a thread is stuck.
    pub fn on_stuck(mut self, what: OnStuck) -> Health {
        self.on_stuck = what;
        self
    }
}

impl Default for Health {
    fn default() -> Health {
        Health::new()
    }
}
