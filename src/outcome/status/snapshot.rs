//! Owns snapshots: the live tree of scopes and threads, as plain data.
//! Refuses to know locks and threads. `dump` and `labels` have the formatting.

use std::panic::Location;
use std::time::{Duration, Instant, SystemTime};

use crate::outcome::reason::StopReason;
use crate::outcome::status::call::CallStatus;
use crate::outcome::status::edge::{Cycle, Edge, Wanted};
use crate::outcome::status::id::{ScopeId, ThreadId};
use crate::outcome::status::kernel::{KernelStatus, RunState};
use crate::outcome::status::outside::{EndingThread, ForeignThread, IdleThread};
use crate::outcome::status::pool_status::{JobStatus, PoolStatus};
use crate::outcome::status::process_facts::ProcessFacts;
use crate::outcome::status::pulse::{Alarm, Pulse};
use crate::outcome::status::setting::{CoresStatus, PriorityStatus};
use crate::outcome::status::stack::Stack;
use crate::rt::order::sort_by_key;

/// The role of a thread in its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Role {
    /// The thread that runs the scope's own closure.
    Body,
    /// A thread that ends by itself.
    Worker,
    /// A thread that ends when it is told to stop, after the workers.
    Service,
    /// A thread that homebound did not start, and that is a member of the scope while its guard
    /// lives. The scope waits for it.
    Adopted,
    /// A thread that homebound did not start, and that is shown and hears the stop while its guard
    /// lives. The scope does not wait for it.
    Guest,
    /// A thread of homebound's own.
    Internal,
}

/// The state of a thread at the moment of the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum ThreadState {
    /// The thread was asked for, and its closure has not begun. Or its starter waits for it to be
    /// ready (see [`ThreadBuilder::start`](crate::ThreadBuilder::start)), and it is not: then
    /// `starting_for` says how long.
    Starting,
    /// The closure runs, or waits for something that homebound does not see.
    Running,
    /// The thread is in a wait of homebound's.
    Waiting {
        /// The kind of wait: `recv`, `sleep`, `join`, or the text given to `waiting`.
        what: &'static str,
        /// The line of the wait.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::location"))]
        at: &'static Location<'static>,
    },
    /// Between two runs of the thread no OS thread runs it, until its supervisor starts the next
    /// run.
    Down,
    /// The thread has ended, and was not joined yet.
    Ended,
}

/// A thread of the tree, as it was when the snapshot was taken.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ThreadStatus {
    /// The thread's id.
    pub id: ThreadId,
    /// The thread's name.
    pub name: String,
    /// The purpose of the thread.
    pub purpose: String,
    /// The names of the scopes around the thread, and its own name: `/studio/gui/thumbs`. A `/`
    /// inside a name is written `%2F`.
    pub path: String,
    /// The role of the thread in its scope.
    pub role: Role,
    /// When the thread was spawned; serialised as its age in seconds.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::age"))]
    pub spawned_at: Instant,
    /// The line that spawned the thread.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::location"))]
    pub spawned_from: &'static Location<'static>,
    /// The kernel's id, once the thread runs (Linux).
    pub os_tid: Option<u32>,
    /// The state of the thread.
    pub state: ThreadState,
    /// What the thread is at, in its own words: see [`Context::note`](crate::Context::note).
    pub note: Option<String>,
    /// True if the thread has told of a failure, and goes on: see
    /// [`Context::fail`](crate::Context::fail).
    pub failed: bool,
    /// The number of the present run, or of the last one, from 1: see
    /// [`ThreadBuilder::restart`](crate::ThreadBuilder::restart).
    pub run: u64,
    /// The number of restarts of the thread so far.
    pub restarts: u64,
    /// The error or the panic of the last run that a restart has answered, as text. `None` if there
    /// is none.
    pub last_failure: Option<String>,
    /// Time since `last_failure`.
    pub last_failed_ago: Option<Duration>,
    /// The number of failures since the last stable run, which
    /// [`Restart::give_up_after`](crate::Restart::give_up_after) limits.
    pub failures_in_row: u32,
    /// The number of failures in a row at which the policy gives up. `None` if it does not, or was
    /// not asked yet.
    pub gives_up_at: Option<u32>,
    /// The number of restarts within a period at the last restart, the most that the policy allows,
    /// and the period. Of two limits, as of a child and of its supervisor, the nearer one. `None`
    /// if there is no such limit, or no restart yet.
    pub restarts_within: Option<(u32, u32, Duration)>,
    /// Time until the next run begins, if the thread pauses before it.
    pub pause_left: Option<Duration>,
    /// Time since a starter has been waiting for the thread to be ready. `None` if the thread is
    /// ready, or has no starter.
    pub starting_for: Option<Duration>,
    /// The wait of homebound's in which the thread is, also while it is starting.
    pub wait: Option<WaitStatus>,
    /// Time since the present wait began; `None` if the thread does not wait.
    pub waiting_for: Option<Duration>,
    /// Time since the thread was asked to stop; `None` if it was not.
    pub stopping_for: Option<Duration>,
    /// Time since the end of the thread's share of the grace; `None` if the thread is not overdue.
    pub overdue_for: Option<Duration>,
    /// What the kernel's scheduler does with the thread, if the kernel was asked (Linux). A dump
    /// asks about each thread that is in no wait of homebound's, a snapshot about overdue threads.
    pub run_state: Option<RunState>,
    /// Where the thread is in the kernel, if the kernel was asked.
    pub kernel: Option<KernelStatus>,
    /// Processor time of the OS thread so far, if the kernel was asked. A warm OS thread brings the
    /// time of the threads that it ran before.
    pub cpu: Option<Duration>,
    /// The thread's stack, if stacks were asked for: see [`Scope::examine`](crate::Scope::examine).
    pub stack: Option<Stack>,
    /// Why there is no stack. `None` if there is one, or if stacks were not asked for.
    pub no_stack: Option<String>,
    /// The threads and scopes that the thread waits for, as far as homebound knows.
    pub waits_for: Vec<Edge>,
    /// The lock that the thread waits for, if its holder was looked for and is not known.
    pub wants: Option<Wanted>,
    /// Time for which the thread has been asleep in the kernel at least: an earlier look has found
    /// it asleep, and no processor has run it since. `None` if no look has, or if the kernel was
    /// not asked. Dumps, [`Scope::examine`](crate::Scope::examine) and the looks of
    /// [`Registry::health`](crate::Registry::health) are such looks.
    pub asleep_for: Option<Duration>,
    /// If the thread waits for the first end among several threads, as
    /// [`JoinSet::next`](crate::JoinSet::next) does: the number of these threads.
    pub waits_for_first_of: Option<usize>,
    /// The child process that the thread looks after, if there is one (see
    /// [`Scope::process`](crate::Scope::process)).
    pub process: Option<ProcessStatus>,
    /// The thread's priority.
    pub priority: PriorityStatus,
    /// The thread's cores; `None` if they are those of its root.
    pub cores: Option<CoresStatus>,
    /// The callback or deferred function that the thread runs now, if it is in one (Linux). A
    /// callback runs on the thread that stops, which is homebound's own for a signal or a deadline;
    /// a deferred function runs on the thread of the body.
    pub call: Option<CallStatus>,
    /// The job that the thread runs, if it is a thread of a pool and runs one.
    pub job: Option<JobStatus>,
    /// What the thread did, by the last look of the registry's health. `None` if nothing looks at
    /// it (see [`Registry::health`](crate::Registry::health)), or if the kernel does not tell.
    pub pulse: Option<Pulse>,
    /// The alarm about the thread, if there is one.
    pub alarm: Option<Alarm>,
}

/// A wait of homebound's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WaitStatus {
    /// The kind of wait: `recv`, `sleep`, `join`, or the text given to `waiting`.
    pub what: &'static str,
    /// The line of the wait.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::location"))]
    pub at: &'static Location<'static>,
    /// True if the wait is the program's own, described by
    /// [`Context::waiting`](crate::Context::waiting): homebound does not know for what it is.
    pub outside: bool,
}

/// A child process of the tree; the thread that looks after it has its name and purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ProcessStatus {
    /// The child's pid, which is also the number of its process group.
    pub pid: u32,
    /// The program and its arguments, cut to 200 characters. The environment is left out.
    pub command: String,
    /// How the child ended, in words (`exit status: 0`, `signal: 9 (SIGKILL)`); `None` while it
    /// runs.
    pub exit: Option<String>,
}

/// Where a scope is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum ScopeState {
    /// Threads may be spawned.
    Open,
    /// The scope has been asked to stop.
    Stopping,
    /// The workers are home; services end, deferred functions run.
    Finishing,
    /// The scope is over.
    Ended,
}

/// A scope or group, as it was when the snapshot was taken.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ScopeStatus {
    /// The scope's id. `Display` shows it if scopes beside this one have the same name.
    pub id: ScopeId,
    /// The scope's name.
    pub name: String,
    /// The names of the scopes around this one, and its own name.
    pub path: String,
    /// True for a group: a scope without a body.
    pub group: bool,
    /// Where the scope is in its life.
    pub state: ScopeState,
    /// Why the scope was asked to stop; `None` if it was not.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::shown"))]
    pub stop_reason: Option<StopReason>,
    /// The line that opened the scope.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::location"))]
    pub opened_from: &'static Location<'static>,
    /// Time since the scope was opened.
    pub age: Duration,
    /// The thread that opened the scope; `None` for a root and for a group.
    pub opened_by: Option<ThreadId>,
    /// The threads of the scope, oldest first.
    pub threads: Vec<ThreadStatus>,
    /// Number of scopes around this one, in this snapshot.
    pub depth: usize,
    /// Scopes and groups inside this one, oldest first. Nested 8 deep at most: a scope with 8
    /// around it holds all scopes below it in one list, each before the scopes inside it.
    pub scopes: Vec<ScopeStatus>,
    /// The numbers of the pool, if the threads are a pool's.
    pub pool: Option<PoolStatus>,
    /// True if the scope was too busy to be read as a whole: then the lists lack threads or scopes.
    pub busy: bool,
}

/// The scopes and threads of a root, at one moment. `Display` prints the tree.
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
    /// When the snapshot was taken; serialised as seconds since 1970.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::date"))]
    pub taken_at: SystemTime,
    /// The process.
    pub process: ProcessFacts,
    /// What the program has last said about itself as a whole: see
    /// [`Context::status`](crate::Context::status). Only in a snapshot of a root.
    pub status: Option<String>,
    /// Threads that wait for each other in a circle, so that none of them goes on.
    pub cycles: Vec<Cycle>,
    /// The root scope.
    pub root: ScopeStatus,
    /// Foreign threads (Linux, and only in a snapshot of the registry's root). Or one row that says
    /// why they are not known.
    pub foreign: Vec<ForeignThread>,
    /// Warm OS threads (only in a snapshot of a root; the kernel's ids on Linux only).
    pub idle: Vec<IdleThread>,
    /// OS threads that are about to end (only in a snapshot of a root; Linux).
    pub ending: Vec<EndingThread>,
    /// One text for each thing that could not be read, with the reason.
    pub limits: Vec<String>,
}

impl Snapshot {
    /// Returns the threads with an alarm, *stuck* ones first: see
    /// [`Registry::health`](crate::Registry::health). Empty where no registry looks.
    ///
    /// ```
    /// use homebound::registry::{self, Health, Registry};
    ///
    /// let exit = Registry::new("studio").health(Health::new()).run(|_| {
    ///     let snapshot = registry::snapshot().expect("a registry runs");
    ///     for thread in snapshot.unhealthy() {
    ///         println!("{}: {:?}", thread.path, thread.alarm);
    ///     }
    ///     assert!(snapshot.unhealthy().is_empty());
    ///     Ok(())
    /// });
    /// assert_eq!(exit.code(), 0);
    /// ```
    pub fn unhealthy(&self) -> Vec<&ThreadStatus> {
        let mut found: Vec<&ThreadStatus> = Vec::new();
        let mut list: Vec<&ScopeStatus> = vec![&self.root];
        while let Some(scope) = list.pop() {
            found.extend(scope.threads.iter().filter(|thread| thread.alarm.is_some()));
            list.extend(&scope.scopes);
        }
        // `Stuck` is the greatest level, so the reverse order begins with it.
        let level = |thread: &ThreadStatus| thread.alarm.as_ref().map(|alarm| alarm.level);
        sort_by_key(&mut found, |thread| (std::cmp::Reverse(level(thread)), thread.id));
        found
    }
}
