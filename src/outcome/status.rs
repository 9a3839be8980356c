//! Owns the plain data of what is: snapshots.
//! Refuses to know locks and threads; formatting is in `status_text` and `words`.

use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::outcome::reason::StopReason;

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
#[non_exhaustive]
pub enum Role {
    /// The thread that runs the scope's own closure.
    Body,
    /// Ends by itself.
    Worker,
    /// Ends when it is told, after the workers.
    Service,
    /// A thread that homebound did not start, in the tree while its guard lives.
    Adopted,
    /// One that is shown and hears the stop while its guard lives, and for which nobody waits.
    Guest,
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
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::location"))]
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
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::age"))]
    pub spawned_at: Instant,
    /// The line that spawned it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::location"))]
    pub spawned_from: &'static Location<'static>,
    /// The kernel's id, once it runs (Linux).
    pub os_tid: Option<u32>,
    /// What it does.
    pub state: ThreadState,
    /// What it is at, in its own words: see [`Context::note`](crate::Context::note).
    pub note: Option<String>,
    /// It has told of a failure, and went on: see [`Context::fail`](crate::Context::fail).
    pub failed: bool,
    /// How long it has been waiting, if it waits.
    pub waiting_for: Option<Duration>,
    /// How long ago it was asked to stop.
    pub stopping_for: Option<Duration>,
    /// How long ago its share of the grace passed.
    pub overdue_for: Option<Duration>,
    /// What the kernel's scheduler does with it, where the kernel was asked (Linux): in a dump, about each thread that is in no
    /// wait of homebound's; in a snapshot, about those that are overdue.
    pub run_state: Option<RunState>,
    /// Where it is in the kernel, where that was asked.
    pub kernel: Option<KernelStatus>,
    /// For whom it waits, as far as homebound knows.
    pub waits_for: Vec<Edge>,
    /// The child process that it stands for, if it does (see [`Scope::process`](crate::Scope::process)).
    pub process: Option<ProcessStatus>,
}

/// What the kernel's scheduler does with a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum RunState {
    /// On a processor, or waiting for one.
    Running,
    /// Sleeps; a signal wakes it.
    Sleeping,
    /// Sleeps in the kernel, and nothing but what it waits for wakes it.
    Uninterruptible,
    /// Suspended: by SIGSTOP, or by a debugger.
    Suspended,
    /// Anything else: it is about to be gone.
    Other,
}

/// Where a thread is in the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KernelStatus {
    /// The system call, `read`.
    pub call: Option<String>,
    /// What the call is about, where that is told: `fd 5 pipe:[1234]`, `child 4711 "sleep"`.
    pub about: Option<String>,
    /// The function of the kernel in which it sleeps, `anon_pipe_read`.
    pub channel: Option<String>,
}

/// That a thread waits for another, or for a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Edge {
    /// The thread that it waits for; `None` if that is a scope.
    pub thread: Option<ThreadId>,
    /// The path of the thread or scope.
    pub path: String,
    /// True if it is certain; a guess otherwise.
    pub known: bool,
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
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::reason"))]
    pub stop_reason: Option<StopReason>,
    /// Its line.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::location"))]
    pub opened_from: &'static Location<'static>,
    /// How long it has been open.
    pub age: Duration,
    /// The thread that opened it; `None` for a root and for a group.
    pub opened_by: Option<ThreadId>,
    /// Its threads, oldest first.
    pub threads: Vec<ThreadStatus>,
    /// How many scopes are around it, in this snapshot.
    pub depth: usize,
    /// Scopes and groups inside it, oldest first. Those that are more than 8 deep are not nested further: the scope that has
    /// 8 around it holds all that are below it, each before those inside it.
    pub scopes: Vec<ScopeStatus>,
    /// True if it was too busy to be looked at as a whole: then threads or scopes are missing in the lists.
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
    /// The kernel's name for it, at most 15 bytes; a guest's as it was taken in.
    pub name: String,
    /// True for one that was a guest (see [`Context::adopt_guest`](crate::Context::adopt_guest)) in a scope that is over. It is no orphan.
    pub guest: bool,
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

/// An OS thread whose closure is over, and which is not gone: most likely, destructors of its thread-locals run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct EndingThread {
    /// The kernel's id.
    pub os_tid: u32,
    /// Its last name.
    pub name: String,
    /// What it was for, last.
    pub purpose: String,
    /// Where it was in the tree, last.
    pub path: String,
    /// The name of the thread that it joins before it goes: threads that end are joined by those that end after them.
    pub joins: Option<String>,
    /// What the kernel's scheduler does with it, where the kernel was asked (Linux, in a dump).
    pub run_state: Option<RunState>,
    /// Where it is in the kernel, where that was asked.
    pub kernel: Option<KernelStatus>,
}

/// All that is in a root, at one moment. `Display` prints the tree.
///
/// ```
/// homebound::scope(|scope| {
///     scope.service("clock", "waits to be told", |cx| Ok(drop(cx.wait_for_stop())))?;
///     for thread in &scope.snapshot().root.threads {
///         println!("{} {:?}: {:?}", thread.path, thread.role, thread.state);
///     }
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
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
    /// Threads on their way out (a root's only; Linux).
    pub ending: Vec<EndingThread>,
    /// What could not be read, and why.
    pub limits: Vec<String>,
}
