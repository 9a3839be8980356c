//! Owns what the health looks of a registry have found about a thread, as data.
//! Refuses to look, and to judge: `sight::health` does.

use std::fmt;
use std::time::{Duration, Instant};

use crate::outcome::words::Span;

/// What a thread did between two looks of the registry's health, as the kernel counts it (Linux).
///
/// The looks come with [`Registry::health`](crate::Registry::health). A look that came too late,
/// because the process was suspended or the machine was busy, claims nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Pulse {
    /// The thread is in a wait of homebound's: it is idle.
    Waits,
    /// The thread has used a processor.
    Works {
        /// CPU time since the look before.
        cpu: Duration,
    },
    /// The thread sleeps in the kernel, in no wait of homebound's. It has used no CPU time and was
    /// not woken.
    Blocked {
        /// The first look that found the thread so; serialised as its age in seconds.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::age"))]
        since: Instant,
        /// The function of the kernel in which the thread sleeps, such as `futex_do_wait`, if the
        /// kernel tells it.
        kernel: Option<String>,
    },
    /// The thread could run, and got next to no processor: other threads had them. It is not hung.
    Starved,
}

/// How far an alarm has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum AlarmLevel {
    /// A warning was logged, at [`Health::warn_after`](crate::registry::Health::warn_after).
    Warned,
    /// The thread is *stuck*: [`Health::stuck_after`](crate::registry::Health::stuck_after) has
    /// passed, or the thread did not do what it has said to expect of it.
    Stuck,
}

/// The alarm about a thread. It ends when the thread runs again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Alarm {
    /// How far the alarm has come.
    pub level: AlarmLevel,
    /// Since when the thread is blocked, or its last sign of progress; serialised as its age in
    /// seconds.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::age"))]
    pub since: Instant,
    /// What the thread has said to expect of it, with
    /// [`ThreadBuilder::expect_every`](crate::ThreadBuilder::expect_every). `None` if the alarm is
    /// about a thread that is blocked outside of homebound's waits.
    pub expected_every: Option<Duration>,
}

impl fmt::Display for Alarm {
    /// `STUCK: blocked outside of homebound for 62 s`, or without the time, `{:#}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.level {
            AlarmLevel::Stuck => "STUCK: ",
            AlarmLevel::Warned => "warned of: ",
        })?;
        f.write_str(match self.expected_every {
            Some(_) => "no sign of progress",
            None => "blocked outside of homebound",
        })?;
        if !f.alternate() {
            write!(f, " for {}", Span(self.since.elapsed()))?;
        }
        self.expected_every.iter().try_for_each(|every| write!(f, ", expected every {}", Span(*every)))
    }
}
