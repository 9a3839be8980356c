//! Owns a bar of the picture of a shutdown, as data: its label, its moments, its ending.
//! Refuses to know where the bar stands (`layout`), and which threads share one (`fold`).

use crate::outcome::report::shutdown::Ending;
use crate::outcome::status::snapshot::Role;

/// A bar: one thread, or threads that are alike.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    /// The path below the scope of the report; or the common pattern of paths: `jobs/worker-*`.
    pub(crate) label: String,
    pub(crate) purpose: String,
    pub(crate) role: Role,
    pub(crate) ending: Ending,
    /// The beginning of the time in which the thread waited for its turn, if it did.
    pub(crate) waits_from: Option<u64>,
    /// When the first of its threads was told, or was spawned during the stop.
    pub(crate) from: u64,
    /// When the first of its threads was overdue.
    pub(crate) overdue: Option<u64>,
    /// When the last of its threads was home. `None` if one of them is not.
    pub(crate) home: Option<u64>,
    /// Its place in the critical chain; 0 is the last one home.
    pub(crate) link: Option<usize>,
    /// For a bar of several threads.
    pub(crate) crowd: Option<Crowd>,
}

/// What a bar of several threads shows beyond the first and the last of them.
#[derive(Debug, Clone)]
pub(crate) struct Crowd {
    pub(crate) threads: usize,
    /// How many of them were told and not home, by steps of equal length from `Bar::from` to the
    /// end of the bar.
    pub(crate) away: Vec<usize>,
}

impl Bar {
    /// The end of the bar.
    pub(crate) fn until(&self, end: u64) -> u64 {
        self.home.unwrap_or(end).max(self.from)
    }

    pub(crate) fn threads(&self) -> usize {
        self.crowd.as_ref().map_or(1, |crowd| crowd.threads)
    }
}
