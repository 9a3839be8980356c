//! Owns the settings of a run, which the methods of `Registry` set (`builder`).
//! Refuses to decide anything: both internal threads read them.

use std::path::PathBuf;
use std::time::Duration;

use crate::outcome::status::stack::Stacks;
use crate::registry::dump_to::DumpTo;
use crate::registry::exit::{OVERDUE_CODE, OnOverdue};
use crate::registry::history::History;
use crate::registry::notify::setting::Notify;
use crate::registry::signal_settings::{SecondSignal, Signals};
use crate::sight::health::settings::Health;
use crate::sys::last::End;
use crate::tree::root::{GRACE, Looking};

/// The default of `kill_after`: how long the process may live past the grace.
const KILL_AFTER: Duration = Duration::from_secs(2);

/// How much later than *watch* the kernel's timer ends the process, because *watch* may be at its
/// last words.
pub(crate) const SPARE: Duration = Duration::from_secs(2);

/// The settings of a run. Written by the methods of `Registry` before the run begins, read by both
/// internal threads.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) grace: Duration,
    pub(crate) kill_after: Duration,
    pub(crate) on_overdue: OnOverdue,
    pub(crate) second_signal: SecondSignal,
    pub(crate) signals: Signals,
    /// The signals that have a handler of ours. Written when the run begins.
    pub(crate) taken: Vec<i32>,
    pub(crate) reap_orphans: bool,
    pub(crate) dump_to: DumpTo,
    /// `None` if the program has not asked for looks.
    pub(crate) health: Option<Health>,
    /// Makes these looks. Set with `health`.
    pub(crate) looks: Option<fn(Health) -> Box<dyn Looking>>,
    /// The file that gets a line for the run, if the program has asked for one.
    pub(crate) history: Option<History>,
    /// `None`: see [`Registry::stacks`](crate::Registry::stacks).
    pub(crate) stacks: Option<Stacks>,
    pub(crate) notify: Notify,
    /// The time between SIGTERM and the stop.
    pub(crate) drain_notice: Duration,
    pub(crate) probe_file: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            grace: GRACE,
            kill_after: KILL_AFTER,
            on_overdue: OnOverdue::Exit(OVERDUE_CODE),
            second_signal: SecondSignal::Dump,
            signals: Signals::default(),
            taken: Vec::new(),
            reap_orphans: false,
            dump_to: DumpTo::default(),
            health: None,
            looks: None,
            history: None,
            stacks: None,
            notify: Notify::default(),
            drain_notice: Duration::ZERO,
            probe_file: None,
        }
    }
}

impl Settings {
    pub(crate) fn end(&self) -> End {
        match self.on_overdue {
            OnOverdue::Exit(code) => End::Exit(i32::from(code)),
            OnOverdue::Abort => End::Abort,
            OnOverdue::Wait => End::Never,
        }
    }
}
