//! Owns the plain data of what is, and of how it ended: snapshots and reports.
//! Refuses to know locks and threads; formatting is in `dump` and `report`.

use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::reason::StopReason;

/// Tells threads apart: never used twice in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ThreadId(pub(crate) u64);

impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Tells scopes and groups apart: never used twice in a process, nor for a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ScopeId(pub(crate) u64);

impl fmt::Display for ScopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// What a thread is in its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Role {
    /// The thread that runs the scope's own closure.
    Body,
    /// Ends by itself.
    Worker,
    /// Ends when it is told, after the workers.
    Service,
    /// A thread that homebound did not start, in the tree while its guard lives.
    Adopted,
    /// One of homebound's own.
    Internal,
}

/// What a thread does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum ThreadState {
    /// Asked for; its closure has not begun.
    Starting,
    /// Runs, or waits for something that homebound does not see.
    Running,
    /// Waits.
    Waiting {
        /// For what: `recv`, `sleep`, `join`, or the text given to `waiting`.
        what: &'static str,
        /// At this line.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::location"))]
        at: &'static Location<'static>,
    },
    /// Has ended and was not joined yet.
    Ended,
}

/// A thread of the tree, as it was when the snapshot was taken.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ThreadStatus {
    /// Its id.
    pub id: ThreadId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// Scopes and name, `/studio/gui/thumbs`; a `/` inside a name is written `%2F`.
    pub path: String,
    /// What it is in its scope.
    pub role: Role,
    /// When it was spawned; serialised as its age in seconds.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::age"))]
    pub spawned_at: Instant,
    /// The line that spawned it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::location"))]
    pub spawned_from: &'static Location<'static>,
    /// The kernel's id, once it runs (Linux).
    pub os_tid: Option<u32>,
    /// What it does.
    pub state: ThreadState,
    /// How long it has been waiting, if it waits.
    pub waiting_for: Option<Duration>,
    /// How long ago it was asked to stop.
    pub stopping_for: Option<Duration>,
    /// How long ago its share of the grace passed.
    pub overdue_for: Option<Duration>,
    /// Kernel wait channel, for an overdue thread (Linux).
    pub kernel_wait: Option<String>,
    /// System call it is in, for an overdue thread (Linux).
    pub system_call: Option<String>,
    /// The child process that it stands for, if it does (see [`Scope::process`](crate::Scope::process)).
    pub process: Option<ProcessStatus>,
}

/// A child process of the tree; the thread that looks after it has its name and purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ProcessStatus {
    /// Its pid, which is also the number of its process group.
    pub pid: u32,
    /// Program and arguments, cut to 200 characters. The environment is not in it.
    pub command: String,
    /// How it ended, in words (`exit status: 0`, `signal: 9 (SIGKILL)`); `None` while it runs.
    pub exit: Option<String>,
}

/// Where a scope is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum ScopeState {
    /// Threads may be spawned.
    Open,
    /// Has been asked to stop.
    Stopping,
    /// Its workers are home; services end, deferred functions run.
    Finishing,
    /// Over.
    Ended,
}

/// A scope or group, as it was when the snapshot was taken.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ScopeStatus {
    /// Its id: shown where scopes beside it have the same name.
    pub id: ScopeId,
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// True for a group: a scope without a body.
    pub group: bool,
    /// Where it is in its life.
    pub state: ScopeState,
    /// Why it was asked to stop.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::reason"))]
    pub stop_reason: Option<StopReason>,
    /// Its line.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::location"))]
    pub opened_from: &'static Location<'static>,
    /// How long it has been open.
    pub age: Duration,
    /// The thread that opened it; `None` for a root and for a group.
    pub opened_by: Option<ThreadId>,
    /// Its threads, oldest first.
    pub threads: Vec<ThreadStatus>,
    /// Scopes and groups inside it, oldest first.
    pub scopes: Vec<ScopeStatus>,
    /// True if it was too busy to be looked at: then the lists are empty.
    pub busy: bool,
}

/// A thread of the process that homebound did not start and nobody adopted (Linux). Or, where the kernel's list could not be
/// read, the one row that says so: then there may be any number of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ForeignThread {
    /// The kernel's id.
    pub os_tid: u32,
    /// The kernel's name for it, at most 15 bytes.
    pub name: String,
    /// True if it was there before the registry began.
    pub before: bool,
    /// Why it is not known which foreign threads there are. Then this is no thread: its id is 0, and it is counted nowhere.
    pub unknown: Option<String>,
}

/// An OS thread between two jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct IdleThread {
    /// The kernel's id.
    pub os_tid: u32,
    /// The name of its last job, and of its next.
    pub name: String,
}

/// All that is in a root, at one moment. `Display` prints the tree.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Snapshot {
    /// The root scope.
    pub root: ScopeStatus,
    /// Threads that are nobody's (Linux, and only of the registry's root); or one row that says why they are not known.
    pub foreign: Vec<ForeignThread>,
    /// Threads that wait warm for a job of their last name (a root's only; with kernel ids on Linux).
    pub idle: Vec<IdleThread>,
}

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
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::location"))]
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
#[derive(Debug, Clone, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ShutdownReport {
    /// Workers, services and adopted threads of the subtree that lived when the shutdown began, those started later,
    /// and the orphaned.
    pub total: usize,
    /// Home at the deadline.
    pub joined: usize,
    /// Not home at the deadline; joined later all the same, unless the process ended.
    pub timeout: usize,
    /// Foreign threads that were still alive at the end of `registry::run` and not there at its beginning (Linux). 0 also
    /// where that could not be seen: then `foreign` has a row with the reason, and `Display` says `unknown`.
    pub orphaned: usize,
    /// From the beginning of the shutdown to its end.
    pub duration: Duration,
    /// Why the scope was asked to stop; `None` if it ended by itself.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::reason"))]
    pub reason: Option<StopReason>,
    /// True for a later call of `shutdown`.
    pub repeated: bool,
    /// All that were not home, all that failed, and the newest 1024 others.
    pub threads: Vec<ThreadReport>,
    /// The orphaned; or one row that says why they are not known.
    pub foreign: Vec<ForeignThread>,
}
