//! Owns the facts about the process that a snapshot opens with, as plain data.
//! Refuses to ask the system.

use std::time::Duration;

/// The process in which a snapshot was taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ProcessFacts {
    /// The process id.
    pub pid: u32,
    /// The path of the executable; empty if it is not known.
    pub program: String,
    /// Time since the process was started (Linux). `None` if it is not known.
    pub uptime: Option<Duration>,
}
