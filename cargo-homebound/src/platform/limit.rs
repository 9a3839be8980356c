//! Owns the time that a platform gives, as data.
//! Refuses to know in what kind of file it is written.

use std::time::Duration;

/// The time from SIGTERM to SIGKILL that a platform gives, and where that is written.
#[derive(Debug)]
pub(super) struct Limit {
    /// The line of the setting; of what stands for the program if the default counts. From 1.
    pub(super) line: usize,
    /// The setting, as it is named there.
    pub(super) setting: &'static str,
    pub(super) is_default: bool,
    pub(super) time: Duration,
    /// The time that is over before SIGTERM comes: a `preStop` hook.
    pub(super) before: Duration,
    /// The names by which a program may be known.
    pub(super) names: Vec<String>,
}
