//! Owns reports: how threads came home, as plain data.
//! Refuses to know locks and threads. `report_text` has the formatting.

use std::panic::Location;
use std::time::Duration;

use crate::outcome::outside::ForeignThread;
use crate::outcome::reason::StopReason;
use crate::outcome::status::{ProcessStatus, Role, ScopeStatus, ThreadId};

/// How a thread ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Ending {
    /// Its closure returned `Ok`.
    Finished,
    /// The thread was asked to stop, and stopped.
    Stopped,
    /// Its closure returned an error.
    Failed,
    /// Its closure panicked.
    Panicked,
    /// The thread was not home at its deadline.
    Overdue,
    /// The thread has been asked to stop, is not home, and has time left. Only in a report that is
    /// made before the end.
    NotHome,
    /// A service that is not home and not told to stop yet, because its users end first.
    NotTold,
}

/// One row of a report.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ThreadReport {
    /// The thread's id. `Display` shows it if other rows have the same path.
    pub id: ThreadId,
    /// The names of the scopes around the thread, and its own name: `/studio/gui/thumbs`.
    pub path: String,
    /// The thread's name.
    pub name: String,
    /// What the thread was for.
    pub purpose: String,
    /// What the thread was in its scope.
    pub role: Role,
    /// The line that spawned the thread.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::location"))]
    pub spawned_from: &'static Location<'static>,
    /// How it ended.
    pub ending: Ending,
    /// Time from the request to stop until the thread's end. `None` if the thread was not asked, or
    /// has not ended.
    pub after_stop: Option<Duration>,
    /// The number of the last run, from 1: see
    /// [`ThreadBuilder::restart`](crate::ThreadBuilder::restart).
    pub run: u64,
    /// The number of restarts of the thread.
    pub restarts: u64,
    /// The error or the panic of the last run that a restart has answered, as text. `None` if there
    /// is none.
    pub last_failure: Option<String>,
    /// Time since a starter had been waiting for the thread to be ready, when the report was made.
    /// `None` if the thread was ready, had no starter, or was home.
    pub starting_for: Option<Duration>,
    /// The wait in which the thread was when the report was made, if it was not home.
    pub waits: Option<String>,
    /// The child process that the thread looked after, if there was one.
    pub process: Option<ProcessStatus>,
    /// For a thread of a pool: the number of queued jobs that it dropped at the stop.
    pub dropped: u64,
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
    /// Number of workers, services and adopted threads of the subtree that lived when the shutdown
    /// began or were started later, and of orphaned threads.
    pub total: usize,
    /// Number of threads that were home at their deadline.
    pub joined: usize,
    /// Number of threads that were not home at their deadline. They were joined later, unless the
    /// process ended before. A report that is made before the deadline counts every thread that is
    /// not home; `away` says how many of them still have time.
    pub timeout: usize,
    /// Number of threads in `timeout` that are not home yet, and not late. 0 in every report of a
    /// shutdown that is over.
    pub away: usize,
    /// Number of guests (see [`Context::adopt_guest`](crate::Context::adopt_guest)) that were there
    /// when the shutdown began, or came later. They are not in `total`, because no thread waits for
    /// them.
    pub guests: usize,
    /// Number of foreign threads that were alive at the end of `registry::run`, and were not there
    /// at its beginning (Linux). 0 as well if the kernel's list could not be read: then `foreign`
    /// has a row with the reason, and `Display` says `unknown`.
    pub orphaned: usize,
    /// Time from the beginning of the shutdown to its end.
    pub duration: Duration,
    /// Why the scope was asked to stop; `None` if it ended by itself.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::reason"))]
    pub reason: Option<StopReason>,
    /// True if an earlier call of `shutdown` began this shutdown.
    pub repeated: bool,
    /// A row for each thread that is not home, for the newest 1024 threads that were late or
    /// failed, and for the newest 1024 others.
    pub threads: Vec<ThreadReport>,
    /// Orphaned threads, and former guests that live on. Or one row that says why they are not
    /// known.
    pub foreign: Vec<ForeignThread>,
    /// Groups that are roots of their own (see [`group`](crate::group())), and had not ended at the
    /// end of `registry::run`. None of the counts includes their threads.
    pub owned: Vec<ScopeStatus>,
}
