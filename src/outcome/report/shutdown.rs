//! Owns reports: how threads came home, as plain data.
//! Refuses to know locks and threads. `tree::rows` fills in the rows, and `shutdown::reporting` the
//! rest; `report_text` has the formatting, `waterfall` the picture.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::outcome::reason::StopReason;
use crate::outcome::report::offset::StopOffset;
use crate::outcome::status::id::{ScopeId, ThreadId};
use crate::outcome::status::outside::ForeignThread;
use crate::outcome::status::snapshot::{ProcessStatus, Role, ScopeStatus};

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
    /// The purpose of the thread.
    pub purpose: String,
    /// The role of the thread in its scope.
    pub role: Role,
    /// The scope or group of the thread: see [`ShutdownReport::scopes`].
    pub scope: ScopeId,
    /// The line that spawned the thread.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::location"))]
    pub spawned_from: &'static Location<'static>,
    /// How it ended.
    pub ending: Ending,
    /// When the thread was spawned.
    pub spawned: StopOffset,
    /// When the thread was told to stop. `None` if it was not: the thread ended by itself, or a
    /// service is not told yet.
    pub told: Option<StopOffset>,
    /// When the thread's share of the grace was over. `None` if the thread was home before.
    pub overdue: Option<StopOffset>,
    /// When the thread's closure was over. `None` if the thread was not home when the report was
    /// made.
    pub ended: Option<StopOffset>,
    /// The thread, scope or group that this thread waits for; if this thread has ended, the last
    /// one that it waited for after it was told.
    pub held_by: Option<HeldBy>,
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

/// What a thread waits for, or has waited for, during a shutdown: another thread (a join), or the
/// threads of a scope or group (its end).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HeldBy {
    /// The thread; `None` for a scope or group.
    pub thread: Option<ThreadId>,
    /// The scope or group; `None` for a thread.
    pub scope: Option<ScopeId>,
    /// The path of the thread, scope or group.
    pub path: String,
}

/// A scope or group that has a row of a report in it, or around it.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ScopeReport {
    /// The scope's id, which the rows of its threads have as well.
    pub id: ScopeId,
    /// The names of the scopes around the scope, and its own name.
    pub path: String,
    /// True for a group: a scope without a body.
    pub group: bool,
    /// The scope around it; `None` for the scope of the report.
    pub inside: Option<ScopeId>,
    /// The thread that runs the body; `None` for a group, and for a root.
    pub run_by: Option<ThreadId>,
    /// When the scope was told to stop. `None` if it was not, or its body and threads had ended
    /// before.
    pub told: Option<StopOffset>,
    /// The body, if the scope waited for it when it was told to stop.
    pub body: Option<BodyReport>,
}

/// The body of a scope that was told to stop while the body ran.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BodyReport {
    /// When the body's share of the grace was over. `None` if the body returned before, and for the
    /// body of an inner scope, whose thread has a row of its own.
    pub overdue: Option<StopOffset>,
    /// When the body returned. `None` if it had not when the report was made.
    pub ended: Option<StopOffset>,
    /// The wait in which the body was when the report was made, if it is known.
    pub waits: Option<String>,
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
// For a new field the compiler asks in `shutdown::reporting` (its value) and in `report_text` (its
// words). It does not ask in `history_line`, whose JSON is made by hand.
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
    /// The time from the beginning of the shutdown to the end of its grace, to the millisecond.
    /// `None` if there was no limit.
    pub grace: Option<Duration>,
    /// Why the scope was asked to stop; `None` if it ended by itself.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::shown"))]
    pub reason: Option<StopReason>,
    /// True if an earlier call of `shutdown` began this shutdown.
    pub repeated: bool,
    /// A row for each thread that is not home, for the newest 1024 threads that were late or
    /// failed, and for the newest 1024 others.
    pub threads: Vec<ThreadReport>,
    /// The scope of the report, and each scope and group inside it that holds one of these threads,
    /// the outer ones first.
    pub scopes: Vec<ScopeReport>,
    /// Orphaned threads, and former guests that live on. Or one row that says why they are not
    /// known.
    pub foreign: Vec<ForeignThread>,
    /// Groups that are roots of their own (see [`group`](crate::group())), and had not ended at the
    /// end of `registry::run`. None of the counts includes their threads.
    pub owned: Vec<ScopeStatus>,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ending::Finished => "finished",
            Ending::Stopped => "stopped",
            Ending::Failed => "failed",
            Ending::Panicked => "panicked",
            Ending::Overdue => "OVERDUE",
            Ending::NotHome => "not home yet",
            Ending::NotTold => "not home yet, not told to stop yet",
        })
    }
}
