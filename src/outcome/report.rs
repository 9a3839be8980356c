//! Owns the plain data of how threads came home: reports.
//! Refuses to know locks and threads; formatting is in `report_text`.

use std::panic::Location;
use std::time::Duration;

use crate::outcome::reason::StopReason;
use crate::outcome::status::{ForeignThread, ProcessStatus, Role, ScopeStatus, ThreadId};

/// How a thread ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Ending {
    /// Its closure returned `Ok`.
    Finished,
    /// It was asked to stop, and did.
    Stopped,
    /// Its closure returned an error.
    Failed,
    /// It panicked.
    Panicked,
    /// It was not home at the deadline.
    Overdue,
    /// It has been asked to stop and is not home, and its time is not over: in a report that is made before the end.
    NotHome,
    /// A service that is not home, and was not told to stop yet: those that use it come first.
    NotTold,
}

/// One row of a report.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ThreadReport {
    /// Its id: shown where other rows have the same path.
    pub id: ThreadId,
    /// Scopes and name.
    pub path: String,
    /// The thread's name.
    pub name: String,
    /// What it was for.
    pub purpose: String,
    /// What it was in its scope.
    pub role: Role,
    /// Where it was spawned.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::location"))]
    pub spawned_from: &'static Location<'static>,
    /// How it ended.
    pub ending: Ending,
    /// From the request to stop until its end; `None` if it was not asked, or has not ended.
    pub after_stop: Option<Duration>,
    /// What it waited for when the report was made, if it was not home.
    pub waits: Option<String>,
    /// The child process that it stood for, if it did, and how that ended.
    pub process: Option<ProcessStatus>,
}

/// How the threads of a scope came home. `total == joined + timeout + orphaned`, always.
///
/// ```
/// use std::time::Duration;
///
/// homebound::scope(|scope| {
///     scope.service("clock", "waits to be told", |cx| Ok(drop(cx.wait_for_stop())))?;
///     let report = scope.shutdown(Duration::from_secs(5));
///     assert_eq!(report.total, report.joined + report.timeout + report.orphaned);
///     println!("{report}"); // a row for each thread
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Workers, services and adopted threads of the subtree that lived when the shutdown began, those started later,
    /// and the orphaned.
    pub total: usize,
    /// Home at the deadline.
    pub joined: usize,
    /// Not home at the deadline; joined later all the same, unless the process ended. In a report that is made before the
    /// deadline, those that are not home: how many of them still have time is in `away`.
    pub timeout: usize,
    /// Of those: not home yet, and not late. 0 in every report of a shutdown that is over.
    pub away: usize,
    /// Guests (see [`Context::adopt_guest`](crate::Context::adopt_guest)) that were there when the shutdown began or came later. They are
    /// not in `total`: nobody waits for them.
    pub guests: usize,
    /// Foreign threads that were still alive at the end of `registry::run` and not there at its beginning (Linux). 0 also
    /// where that could not be seen: then `foreign` has a row with the reason, and `Display` says `unknown`.
    pub orphaned: usize,
    /// From the beginning of the shutdown to its end.
    pub duration: Duration,
    /// Why the scope was asked to stop; `None` if it ended by itself.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::reason"))]
    pub reason: Option<StopReason>,
    /// True for a later call of `shutdown`.
    pub repeated: bool,
    /// All that are not home, the newest 1024 that were late or failed, and the newest 1024 others.
    pub threads: Vec<ThreadReport>,
    /// The orphaned, and guests whose threads live on; or one row that says why they are not known.
    pub foreign: Vec<ForeignThread>,
    /// Groups that are roots of their own (see [`group`](crate::group())) and had not ended at the end of `registry::run`. Their
    /// threads are in none of the counts.
    pub owned: Vec<ScopeStatus>,
}
