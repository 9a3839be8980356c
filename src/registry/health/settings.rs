//! Owns the settings of the health looks.
//! Refuses to look.

use std::time::Duration;

use crate::registry::face::Registry;

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
    pub(super) fn lateness(&self) -> Duration {
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

impl Registry {
    /// Looks for threads that are stuck, and says so (Linux; on other systems only what threads
    /// have said to [expect](crate::ThreadBuilder::expect_every) of them is looked at).
    ///
    /// Once in [`look_every`](Health::look_every), *stopper* looks at the threads that are in no
    /// wait of homebound's, and at the kernel's counters of them. Nothing is written by the threads
    /// for that. [`ThreadStatus::pulse`](crate::status::ThreadStatus::pulse) has what it found:
    ///
    /// | between two looks | the thread | it is |
    /// |---|---|---|
    /// | it was in a wait of homebound's | waits | idle: never an alarm |
    /// | it used CPU time | works | well |
    /// | it could run and got no processor | is starved | not hung |
    /// | it slept all the time | is blocked outside, in a function of the kernel | an alarm |
    ///
    /// Each episode is logged once, with the target `homebound::health`: at WARN after
    /// [`warn_after`](Health::warn_after), at ERROR after [`stuck_after`](Health::stuck_after), and
    /// at INFO when the thread runs again. A wait that homebound does not see, such as the events
    /// of a window, is to be marked with [`Context::waiting`](crate::Context::waiting): an unmarked
    /// one that lasts is taken for a thread that is blocked. A `select!` or a poll of a thread that
    /// has asked for its stop as a channel or a descriptor is known by itself. Adopted threads and
    /// guests are not looked at. A look that comes late
    /// (the process was suspended, the machine is busy) says nothing, and starts anew. Without
    /// `/proc`, no pulse is claimed.
    ///
    /// ```
    /// use homebound::registry::{Health, Registry};
    ///
    /// let exit = Registry::new("studio").health(Health::new()).run(|scope| {
    ///     scope.service("clock", "waits for an hour", |cx| {
    ///         let _a_stop = cx.sleep(std::time::Duration::from_secs(3600)); // idle
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// });
    /// assert_eq!(exit.code(), 0);
    /// ```
    pub fn health(mut self, health: Health) -> Registry {
        self.settings.health = Some(health);
        self
    }
}
