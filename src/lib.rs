//! `spawn` is for what ends by itself, `service` for what ends when it is told.
//!
//! homebound is for programs made of OS threads. The whole application runs inside one
//! [`registry::run`], a library or a test inside a [`scope`]. Every thread is spawned through a
//! scope, has a name and a purpose, may borrow from outside, is told to stop by a signal that it
//! can `select!` on, and is joined before its scope returns. What cannot be stopped is named, with
//! the place where it stands.
//!
//! ```
//! use homebound::registry::{Exit, run};
//!
//! fn main() -> Exit<()> {
//!     let numbers = vec![1, 2, 3];
//!     run(|scope| {
//!         scope.service("clock", "ticks until it is told to stop", |cx| {
//!             Ok(cx.ticks(std::time::Duration::from_secs(1)).for_each(|_| println!("tick")))
//!         })?;
//!         let sum = scope.spawn("sum", "adds the numbers", |_| Ok(numbers.iter().sum::<i32>()))?;
//!         println!("the sum is {}", sum.join()?);
//!         Ok(()) // the worker is home: now the clock is told, and joined
//!     })
//! }
//! ```
//!
//! # Where to look
//!
//! - [`Scope`] spawns threads, opens scopes inside itself, stops, reports. A [`Group`] is a scope
//!   for a struct's field; [`group()`] makes one for whoever is in no scope.
//! - [`Context`] is what a thread is given: its stop, its waits, shields and deadlines, its name.
//! - [`Process`] is a child process as a member of the tree (unix).
//! - [`Handle`] joins one thread. It may be dropped or ignored: the scope joins.
//! - [`ScopeError`] and [`Failure`] tell what failed, [`ShutdownReport`] how the threads came home,
//!   [`Snapshot`] what is.
//!
//! # What is guaranteed
//!
//! - Nothing that a thread borrowed is used after its scope returned, on every way out: return,
//!   error, panic, refusal, stop. Leaking a handle, guard or group changes nothing about that.
//! - When a root scope returns, the OS has joined each of its threads: thread-local destructors
//!   have run. (The exception is an owned [`group()`] that is dropped on a thread of its own:
//!   nobody joins its last one.)
//! - No failure is lost: it is in the scope's result, or was given to the joiner of an
//!   [`isolated`](ThreadBuilder::isolated) thread.
//! - A stop wakes every wait of a [`Context`]; nothing polls.
//! - Under [`registry::run`] the process ends within `grace` + `kill_after` of the first stop
//!   request, whatever a thread does, and names who did not come home ([`OnOverdue`] changes that).
//!   A scope outside of it waits, and reports.
//! - A thread that the OS refuses is an error value.
//!
//! # What is not
//!
//! - Threads cannot be killed. One that never looks at its stop holds its scope, until the registry
//!   ends the process.
//! - `process::exit`, `abort` and `exec` end all guarantees. In a forked child only `exec` and
//!   `_exit` are allowed; code of a scope that comes back there aborts it.
//! - Leaked memory stays leaked.
//! - Inside a root, a finished OS thread is used again for a job of the same name and stack size:
//!   thread-locals of the job before are still there. [`dedicated`](ThreadBuilder::dedicated)
//!   avoids it. Not after a panic, nor if the job left it with another priority (Linux).
//! - With `panic = "abort"` a panic ends the process at once: no other thread comes home, no
//!   failure is recorded, no report is made. All the rest works.
//! - Foreign threads, kernel thread ids, kernel waits and system calls are told on Linux; elsewhere
//!   they are absent. Only Linux has been tested.
//!
//! # tracing
//!
//! Events have these targets, and each thread runs in a span `thread` with `thread.name`,
//! `thread.id`, `purpose` and `path`, below the span in which it was spawned, with the spawner's
//! subscriber.
//!
//! | target | what | level |
//! |---|---|---|
//! | `homebound::scope` | a scope opened, closed; failures that a body's panic would hide, or that an owned group had that was dropped | DEBUG; ERROR |
//! | `homebound::thread` | a thread was spawned, ended; it failed or panicked | DEBUG; ERROR |
//! | `homebound::stop` | a scope is asked to stop, and why | INFO |
//! | `homebound::shutdown` | a call of `shutdown` is done; a thread is overdue | INFO; ERROR |
//! | `homebound::process` | a child process is killed after its grace, or could not be asked; lines of it were lost | WARN |
//! | `homebound::signal` | a signal stops the root; one is forwarded | INFO; DEBUG |
//!
//! # Features
//!
//! - `parking_lot` (off): `Context::wait_while` and `wait_while_timeout`, waits at condition
//!   variables of the crate of that name, whose types (of its version 0.12) are in their
//!   signatures.
//! - `serde` (off): [`Snapshot`], [`ShutdownReport`] and what they are made of implement
//!   `Serialize`; places and reasons as text, moments as ages.
//!
//! What a program of threads can be tested with (a stop at every point, random trees, a check for
//! threads left behind) is in the crate `homebound-testing`.
//!
//! One thing is done to the whole process by the first scope: a panic hook is put before the one
//! that is there, which only notes where a thread of ours panicked. [`registry::run`] also handles
//! signals ([`Signals`]) and puts them back.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(clippy::print_stdout, clippy::print_stderr)]
// Models use a part of the whole.
#![cfg_attr(any(homebound_loom, homebound_shuttle), allow(dead_code, unused_imports))]

// From the ground up: a module uses those above it in this list, and none below it.

// The calls into libc.
mod sys;

// What threads synchronise by: the real things, or a model checker's.
mod sync;

// Lifetimes, results, OS threads: what the proof of soundness is about.
mod rt;

// What users get: errors, failures, reports, snapshots, and their text.
mod outcome;

// The stop tree.
mod stop;

// Scopes and threads as data.
mod tree;

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

// The application's root, and the process around it.
pub mod registry;

// The way in for the crate `homebound-testing`.
#[doc(hidden)]
pub mod for_testing;

// The crate `homebound-models` compiles these sources, and adds the models to them.
#[cfg(all(test, any(homebound_loom, homebound_shuttle)))]
#[path = "../homebound-models/models/mod.rs"]
mod models;

/// What is at this moment, and how it came to its end, as plain data: snapshots and reports.
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
    pub use crate::outcome::report::{Ending, ShutdownReport, ThreadReport};
    pub use crate::outcome::status::{
        Edge, EndingThread, ForeignThread, IdleThread, KernelStatus, ProcessStatus, Role, RunState, ScopeId,
        ScopeState, ScopeStatus, Snapshot, ThreadId, ThreadState, ThreadStatus,
    };
}

/// The channels whose ends waits take: the crate, in the version that is in the signatures.
pub use crossbeam_channel as channel;

pub use outcome::error::{SendError, SpawnError, WaitError};
pub use outcome::failure::{Cause, Failure, JoinError, ScopeError};
pub use outcome::reason::StopReason;
pub use outcome::stopped::Stopped;
#[doc(no_inline)]
pub use registry::{Exit, Registry, Signals, run};
pub use rt::result::{BoxError, Result};
pub use scope::face::Scope;
pub use scope::group::{Group, group};
pub use scope::run::{scope, scope_named};
pub use thread::adopt::Adopted;
pub use thread::builder::ThreadBuilder;
pub use thread::context::{Context, current};
pub use thread::handle::Handle;
pub use thread::stopper::{OnStop, Stopper};
pub use tree::text::IntoText;
pub use tree::verdict::is_stop;

// Short paths of what has its page in a module.
#[cfg(unix)]
#[doc(hidden)]
pub use process::{Line, OnExit, Process, ProcessBuilder, ProcessFailed};
#[doc(hidden)]
pub use registry::{OnOverdue, SecondSignal};
#[doc(hidden)]
pub use status::{
    Edge, Ending, EndingThread, ForeignThread, IdleThread, KernelStatus, ProcessStatus, Role, RunState,
    ScopeId, ScopeState, ScopeStatus, ShutdownReport, Snapshot, ThreadId, ThreadReport, ThreadState,
    ThreadStatus,
};
#[doc(hidden)]
pub use wait::{Drain, Ended, Iter, Ticks};
#[cfg(unix)]
#[doc(hidden)]
pub use wait::{Io, Listener};

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
#[doc = include_str!("../docs/MIGRATION.md")]
struct Migration;

#[cfg(all(doctest, unix))]
#[doc = include_str!("../docs/PROCESSES.md")]
struct Processes;

#[cfg(doctest)]
#[doc = include_str!("../docs/TROUBLESHOOTING.md")]
struct Troubleshooting;
