//! Structured concurrency for OS threads: every thread belongs to a scope, is told to stop, and is
//! joined.
//!
//! A program runs inside one [`registry::run`]; a library or a test runs inside a [`scope`]. Every
//! thread is spawned through a scope and has a name and a purpose. It may borrow from outside the
//! scope. It hears the stop in every wait, or in a `select!`, and is joined before its scope
//! returns. A thread that cannot be stopped is named, with the line where it stands.
//!
//! [`spawn`](Scope::spawn) is for threads that end by themselves, [`service`](Scope::service) for
//! threads that end when they are told to.
//!
//! ```
//! use std::time::Duration;
//!
//! use homebound::{Exit, run};
//!
//! fn main() -> Exit<()> {
//!     let numbers = vec![1, 2, 3];
//!     run(|scope| {
//!         scope.service("clock", "ticks until it is told to stop", |cx| {
//!             cx.ticks(Duration::from_secs(1)).for_each(|_| println!("tick"));
//!             Ok(())
//!         })?;
//!         let sum = scope.spawn("sum", "adds", |_| Ok(numbers.iter().sum::<i32>()))?;
//!         println!("the sum is {}", sum.join()?);
//!         Ok(()) // the worker is home: now the clock is told to stop
//!     })
//! }
//! ```
//!
//! # Where to look
//!
//! | for | see |
//! |---|---|
//! | the root of a program: signals, grace, exit code | [`registry`], [`Registry`], [`Exit`] |
//! | a scope in a library or a test | [`scope()`], [`scope_named`] |
//! | threads, scopes inside, stop, shutdown | [`Scope`], [`ThreadBuilder`] |
//! | a scope in a field of a struct | [`Group`], [`group()`] |
//! | what a thread is given: its stop, its waits, its name | [`Context`], [`wait`] |
//! | the result of a thread | [`Handle`] |
//! | readiness, restarts, supervisors, joiners, maps, races, pools | [`work`] |
//! | what failed | [`ScopeError`], [`Failure`], [`JoinError`] |
//! | how the threads came home, and what is running now | [`status`] |
//! | child processes (unix) | [`Scope::process`], `process` |
//!
//! # What is guaranteed
//!
//! - Data that a thread borrowed is not used after its scope returned, on every way out: return,
//!   error, panic, refusal, stop. A leaked handle, guard or group changes nothing about that.
//! - When a root scope returns, the OS has joined each of its threads, so thread-local destructors
//!   have run. (The exception is an owned [`group()`] that is dropped on one of its own threads:
//!   nothing joins the last of them.)
//! - No failure is lost: it is in the scope's result, or was given to the joiner of an
//!   [`isolated`](ThreadBuilder::isolated) thread.
//! - A stop wakes every wait of a [`Context`]; nothing polls.
//! - Under [`registry::run`] the process ends within `grace` + `kill_after` of the first stop
//!   request, whatever a thread does, and names the threads that did not come home
//!   ([`OnOverdue`] changes that). A scope outside of it waits, and reports.
//! - If the OS refuses a thread, the spawn returns an error.
//!
//! # What is not
//!
//! - Threads cannot be killed. A thread that never looks at its stop holds its scope, until the
//!   registry ends the process.
//! - `process::exit`, `abort` and `exec` end all guarantees. In a forked child only `exec` and
//!   `_exit` are allowed; code of a scope that comes back there aborts the child.
//! - Leaked memory stays leaked.
//! - Inside a root, a finished OS thread is used again for a thread of the same name and stack
//!   size, and thread-locals of the thread before are still there.
//!   [`dedicated`](ThreadBuilder::dedicated) avoids it. An OS thread is not used again after a
//!   panic, nor if the thread left it with another priority (Linux).
//! - With `panic = "abort"` a panic ends the process at once: no other thread comes home, no
//!   failure is recorded, no report is made. All the rest works.
//! - Foreign threads, kernel thread ids, kernel waits, system calls and stacks are shown on Linux;
//!   elsewhere they are absent. Only Linux has been tested.
//!
//! # tracing
//!
//! Each thread runs in a span `thread` with `thread.name`, `thread.id`, `purpose` and `path`, below
//! the span in which it was spawned, with the spawner's subscriber. Events have these targets.
//!
//! | target | event | level |
//! |---|---|---|
//! | `homebound::scope` | a scope is opened or closed | DEBUG |
//! | | a body's panic hides other failures; a dropped group had failures | ERROR |
//! | `homebound::thread` | a thread was spawned, ended | DEBUG |
//! | | a thread failed or panicked | ERROR |
//! | | a run of a thread failed, and another may follow | ERROR |
//! | | a retried call failed, and is tried again | WARN |
//! | | an entrant of a race failed, or was not started | WARN |
//! | | a loser of a race came home late | DEBUG |
//! | `homebound::stop` | a scope is told to stop, and why | INFO |
//! | | a stop cannot reach a listener, because the system refuses a thread | ERROR |
//! | `homebound::shutdown` | a call of `shutdown` is done | INFO |
//! | | a thread is overdue | ERROR |
//! | `homebound::wait` | a wait for threads takes long, and no registry runs | WARN |
//! | `homebound::health` | a thread is blocked, or makes no progress | WARN, ERROR |
//! | | the thread runs again | INFO |
//! | `homebound::process` | a child is killed after its grace, or could not be signalled | WARN |
//! | | lines of a child were lost | WARN |
//! | | an orphan process was reaped | DEBUG |
//! | `homebound::work` | a map goes on with fewer threads than it may have | WARN |
//! | `homebound::registry` | the line of a run could not be added to its history | ERROR |
//! | `homebound::host` | the notice before a stop has begun | INFO |
//! | | the service manager cannot be told anything | WARN |
//! | | the platform may kill before a stop is over | WARN |
//! | | the probe file could not be made or removed | ERROR |
//! | `homebound::signal` | a signal stops the root | INFO |
//! | | a signal is forwarded | DEBUG |
//! | | a forwarded signal found its channel full; another handler has taken a signal | WARN |
//!
//! # Features
//!
//! - `hangs` (on): what a scope without a registry says of threads that hang: the dump that
//!   `HOMEBOUND_DUMP_AFTER=10s` in the environment asks for, and the kernel's view of an overdue
//!   thread in its warning.
//! - `parking_lot` (off): `Context::wait_while` and `wait_while_timeout`, waits at condition
//!   variables of the crate of that name. Its types (version 0.12) are in their signatures.
//! - `stacks` (on): stacks of threads in dumps and reports, and by [`Scope::examine`]. On Linux
//!   (x86_64 and aarch64), and nothing elsewhere; four small crates more. It costs nothing until a
//!   stack is asked for.
//! - `serde` (off): the types of [`status`] implement `Serialize`; places and reasons as text,
//!   moments as ages.
//!
//! The crate `homebound-testing` has tests that a program can be put through: a stop at every
//! point, random trees, a check for threads left behind.
//!
//! The first scope changes the whole process in one way: it puts a panic hook before the present
//! one, which only notes where a thread of homebound's panicked. [`registry::run`] also handles
//! signals ([`Signals`]), and puts them back. The first stack of a computing thread gives one
//! real-time signal a handler that stays ([`Registry::stacks`]).
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(clippy::print_stdout, clippy::print_stderr)]
// Models use a part of the whole.
#![cfg_attr(any(homebound_loom, homebound_shuttle), allow(dead_code, unused_imports))]

// From the ground up: a module uses those above it in this list, and none below it.

// The calls into libc.
mod sys;

// Atomics, locks and fences: the real ones, or a model checker's.
mod sync;

// Lifetimes, results, OS threads: the subject of the proof of soundness.
mod rt;

// The plain data that users get: errors, failures, reports, snapshots, and their text.
mod outcome;

// The stop tree.
mod stop;

// Scopes and threads as data.
mod tree;

// What a look at threads reads beyond the tree: the kernel, stacks.
mod sight;

// The order in which a scope ends.
mod shutdown;

// A thread, from its builder to its handle.
mod thread;

// The waits of a context.
pub mod wait;

// The public face of scopes and groups.
mod scope;

// Child processes.
#[cfg(unix)]
pub mod process;

// Readiness, restarts, joiners and pools, built on threads and scopes.
pub mod work;

// The application's root, and the process around it.
pub mod registry;

// The way in for the crate `homebound-testing`.
#[doc(hidden)]
pub mod for_testing;

// The crate `homebound-models` compiles these sources, and adds the models to them.
#[cfg(all(test, any(homebound_loom, homebound_shuttle)))]
#[path = "../homebound-models/models/mod.rs"]
mod models;
// For the sources of `homebound-tokio` that the models include.
#[cfg(all(test, homebound_shuttle))]
extern crate self as homebound;

/// The state of scopes and threads as plain data: snapshots of live ones, reports of ended ones.
///
/// [`Scope::snapshot`] and [`registry::snapshot`] return a [`Snapshot`] of live
/// threads; [`Scope::shutdown`] and [`Exit::shutdown`] hold a
/// [`ShutdownReport`]. `Display` of both is a tree for people. With the
/// feature `serde` all of them implement `Serialize`.
///
/// ```
/// homebound::scope(|scope| {
///     scope.service("clock", "ticks", |cx| Ok(drop(cx.wait_for_stop())))?;
///     let snapshot = scope.snapshot();
///     let names: Vec<&str> = snapshot.root.threads.iter().map(|thread| &*thread.name).collect();
///     assert!(names.contains(&"clock"));
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
pub mod status {
    pub use crate::outcome::report::offset::StopOffset;
    pub use crate::outcome::report::shutdown::{
        BodyReport, Ending, HeldBy, ScopeReport, ShutdownReport, ThreadReport,
    };
    pub use crate::outcome::report::slowest::SlowestHome;
    pub use crate::outcome::status::call::CallStatus;
    pub use crate::outcome::status::edge::{Cycle, Edge, Lock, LockKind, Wanted};
    pub use crate::outcome::status::id::{ScopeId, ThreadId};
    pub use crate::outcome::status::kernel::{KernelStatus, RunState};
    pub use crate::outcome::status::outside::{EndingThread, ForeignThread, IdleThread};
    pub use crate::outcome::status::process_facts::ProcessFacts;
    pub use crate::outcome::status::pulse::{Alarm, AlarmLevel, Pulse};
    pub use crate::outcome::status::setting::{CoresStatus, PriorityStatus};
    pub use crate::outcome::status::snapshot::{
        ProcessStatus, Role, ScopeState, ScopeStatus, Snapshot, ThreadState, ThreadStatus, WaitStatus,
    };
    pub use crate::outcome::status::stack::{Captured, Frame, Stack, Stacks};
    pub use crate::outcome::waterfall::Waterfall;
    pub use crate::outcome::waterfall::chain::{ChainLink, Delayed};
    pub use crate::sight::examine::Examine;
}

/// The channels whose ends waits take: the crate, in the version that is in the signatures.
pub use crossbeam_channel as channel;

pub use outcome::errors::error::{SendError, SpawnError, WaitError};
pub use outcome::errors::failure::{Cause, Failure, JoinError, ScopeError};
pub use outcome::reason::StopReason;
pub use outcome::stopped::Stopped;
#[doc(no_inline)]
pub use registry::{Exit, Notify, Registry, Signals, run};
pub use rt::priority::Priority;
pub use rt::result::{BoxError, Result};
pub use scope::face::Scope;
pub use scope::group::{Group, group};
pub use scope::run::{scope, scope_named};
pub use thread::adopt::Adopted;
pub use thread::builder::ThreadBuilder;
pub use thread::context::{Context, current};
pub use thread::handle::Handle;
pub use thread::stopper::{OnStop, Stopper};
pub use tree::classify::is_stop;
pub use tree::text::IntoText;

// Short paths of items with a page in a module. Programs are written with these.
#[cfg(unix)]
#[doc(hidden)]
pub use process::{Line, OnExit, Process, ProcessBuilder, ProcessFailed};
#[cfg(unix)]
#[doc(hidden)]
pub use registry::Sockets;
#[doc(hidden)]
pub use registry::{DumpTo, Forked, Health, OnOverdue, OnStuck, Quiescent, SecondSignal};
#[doc(hidden)]
pub use status::{
    Alarm, AlarmLevel, CallStatus, Captured, CoresStatus, Cycle, Edge, Ending, EndingThread, Examine,
    ForeignThread, Frame, IdleThread, KernelStatus, Lock, LockKind, PriorityStatus, ProcessFacts,
    ProcessStatus, Pulse, Role, RunState, ScopeId, ScopeState, ScopeStatus, ShutdownReport, Snapshot, Stack,
    Stacks, ThreadId, ThreadReport, ThreadState, ThreadStatus, WaitStatus, Wanted,
};
#[doc(hidden)]
pub use status::{BodyReport, ChainLink, Delayed, HeldBy, ScopeReport, SlowestHome, StopOffset, Waterfall};
#[doc(hidden)]
pub use wait::{Drain, Ended, Iter, Ticks};
#[cfg(unix)]
#[doc(hidden)]
pub use wait::{Io, Listener};
#[doc(hidden)]
pub use work::{
    AtStop, Child, ChildError, ChildState, ChildStatus, GaveUp, Job, JobStatus, JoinSet, OfferError, Pool,
    PoolBuilder, PoolStatus, Race, RaceError, Ready, Restart, RestartBuilder, RetryError, StartError,
    Strategy, SubmitError, Supervisor, SupervisorBuilder,
};

/// The long texts, so that their code is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../docs/ARCHITECTURE.md")]
struct Architecture;

#[cfg(all(doctest, unix))]
#[doc = include_str!("../docs/BLOCKING.md")]
struct Blocking;

#[cfg(doctest)]
#[doc = include_str!("../docs/DESIGN.md")]
struct Design;

#[cfg(doctest)]
#[doc = include_str!("../docs/FLEET.md")]
struct Fleet;

#[cfg(all(doctest, unix))]
#[doc = include_str!("../docs/HOSTS.md")]
struct Hosts;

#[cfg(doctest)]
#[doc = include_str!("../docs/MIGRATION.md")]
struct Migration;

#[cfg(doctest)]
#[doc = include_str!("../docs/SIGHT.md")]
struct Sight;

#[cfg(all(doctest, unix))]
#[doc = include_str!("../docs/PROCESSES.md")]
struct Processes;

#[cfg(doctest)]
#[doc = include_str!("../docs/TROUBLESHOOTING.md")]
struct Troubleshooting;

#[cfg(doctest)]
#[doc = include_str!("../docs/WORK.md")]
struct Work;
