//! `spawn` is for what ends by itself, `service` for what ends when it is told.
//!
//! homebound is for programs made of OS threads. The whole application runs inside one [`registry::run`], a library or a
//! test inside a [`scope`]. Every thread is spawned through a scope, has a name and a purpose, may borrow from outside, is
//! told to stop by a signal that it can `select!` on, and is joined before its scope returns. What cannot be stopped is
//! named, with the place where it stands.
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
//! - [`Scope`] spawns threads, opens scopes inside itself, stops, reports. A [`Group`] is a scope for a struct's field; [`group()`]
//!   makes one for whoever is in no scope.
//! - [`Context`] is what a thread is given: its stop, its waits, shields and deadlines, its name.
//! - [`Process`] is a child process as a member of the tree (unix).
//! - [`Handle`] joins one thread. It may be dropped or ignored: the scope joins.
//! - [`ScopeError`] and [`Failure`] tell what failed, [`ShutdownReport`] how the threads came home, [`Snapshot`] what is.
//!
//! # What is guaranteed
//!
//! - Nothing that a thread borrowed is used after its scope returned, on every way out: return, error, panic, refusal, stop.
//!   Leaking a handle, guard or group changes nothing about that.
//! - When a root scope returns, the OS has joined each of its threads: thread-local destructors have run. (The exception is an
//!   owned [`group()`] that is dropped on a thread of its own: nobody joins its last one.)
//! - No failure is lost: it is in the scope's result, or was given to the joiner of an
//!   [`isolated`](ThreadBuilder::isolated) thread.
//! - A stop wakes every wait of a [`Context`]; nothing polls.
//! - Under [`registry::run`] the process ends within `grace` + `kill_after` of the first stop request, whatever a thread
//!   does, and names who did not come home ([`OnOverdue`] changes that). A scope outside of it waits, and reports.
//! - A thread that the OS refuses is an error value.
//!
//! # What is not
//!
//! - Threads cannot be killed. One that never looks at its stop holds its scope, until the registry ends the process.
//! - `process::exit`, `abort` and `exec` end all guarantees. In a forked child only `exec` and `_exit` are allowed; code
//!   of a scope that comes back there aborts it.
//! - Leaked memory stays leaked.
//! - Inside a root, a finished OS thread is used again for a job of the same name and stack size: thread-locals of the job
//!   before are still there. [`dedicated`](ThreadBuilder::dedicated) avoids it. Not after a panic, nor if the job left it with
//!   another priority (Linux).
//! - With `panic = "abort"` a panic ends the process at once: no other thread comes home, no failure is recorded, no report
//!   is made. All the rest works.
//! - Foreign threads, kernel thread ids, kernel waits and system calls are told on Linux; elsewhere they are absent. Only
//!   Linux has been tested.
//!
//! # tracing
//!
//! Events have these targets, and each thread runs in a span `thread` with `thread.name`, `thread.id`, `purpose` and `path`, below the
//! span in which it was spawned, with the spawner's subscriber.
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
//! - `parking_lot` (off): `Context::wait_while` and `wait_while_timeout`, waits at condition variables of the crate of that name,
//!   whose types (of its version 0.12) are in their signatures.
//! - `serde` (off): [`Snapshot`], [`ShutdownReport`] and what they are made of implement `Serialize`; places and reasons as
//!   text, moments as ages.
//!
//! What a program of threads can be tested with (a stop at every point, random trees, a check for threads left behind) is in
//! the crate `homebound-testing`.
//!
//! One thing is done to the whole process by the first scope: a panic hook is put before the one that is there, which only
//! notes where a thread of ours panicked. [`registry::run`] also handles signals ([`Signals`]) and puts them back.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(clippy::print_stdout, clippy::print_stderr)]
// Models use a part of the whole.
#![cfg_attr(any(homebound_loom, homebound_shuttle), allow(dead_code, unused_imports))]

// In the order in which they are best read: the public face, the model behind it, the views, the ground; last, the way in
// for the crate `homebound-testing`.
mod audit;
#[cfg(unix)]
mod child;
mod chores;
mod exit_code;
#[cfg(unix)]
mod launch;
#[cfg(unix)]
mod leader;
#[cfg(unix)]
mod lines;
mod office;
#[cfg(unix)]
mod output;
#[cfg(unix)]
mod process;
pub mod registry;
mod signal;
mod watch;

mod adopt;
mod body;
mod builder;
#[cfg(feature = "parking_lot")]
mod condvar;
mod context;
mod failing;
mod failpoint;
#[cfg(unix)]
mod fifo;
mod group;
mod guest;
mod handle;
#[cfg(unix)]
mod io;
mod iterate;
#[cfg(unix)]
mod net;
mod scope;
mod select;
mod stopper;
mod thread;
mod timers;
mod wait;
mod wait_mark;

mod books;
mod complaint;
mod current;
mod deferred;
mod done;
mod exit;
mod grace;
mod graph;
mod members;
mod overdue;
mod owned;
mod panic_hook;
mod path;
mod probe;
mod record;
mod root;
mod scope_core;
mod services;
mod settle;
mod shutdown;
mod walk;

mod aftermath;
mod awake;
#[cfg_attr(not(feature = "parking_lot"), allow(dead_code))]
mod bell;
mod callback;
mod cause;
mod limit;
mod listen;
mod marking;
mod rounds;
mod stop;
#[cfg_attr(not(feature = "parking_lot"), allow(dead_code))]
mod waiter;

mod carried;
mod chain;
mod errands;
mod error;
mod failure;
mod failures;
mod homecoming;
mod reason;
mod status;
mod stopped;
mod tally;
mod text;
mod token;

// The crate `homebound-models` compiles these sources, and adds the models to them.
#[cfg(all(test, any(homebound_loom, homebound_shuttle)))]
#[path = "../homebound-models/models/mod.rs"]
mod models;

mod desk;
mod dump;
mod report;
#[cfg(feature = "serde")]
mod serial;
mod view;
mod words;

mod rt;
mod shown;
mod sync;
mod sys;

#[doc(hidden)]
pub mod for_testing;

/// The channels whose ends waits take: the crate, in the version that is in the signatures.
pub use crossbeam_channel as channel;

pub use adopt::Adopted;
pub use body::{scope, scope_named};
pub use builder::ThreadBuilder;
pub use carried::is_stop;
#[cfg(unix)]
pub use child::OnExit;
pub use context::{Context, current};
#[cfg(unix)]
pub use error::ProcessFailed;
pub use error::{SendError, SpawnError, WaitError};
pub use failure::{Cause, Failure, JoinError, ScopeError};
pub use group::{Group, group};
pub use handle::Handle;
pub use homecoming::{Ending, ShutdownReport, ThreadReport};
#[cfg(unix)]
pub use io::Io;
pub use iterate::{Drain, Ended, Iter, Ticks};
#[cfg(unix)]
pub use launch::ProcessBuilder;
#[cfg(unix)]
pub use lines::Line;
#[cfg(unix)]
pub use net::Listener;
#[cfg(unix)]
pub use process::Process;
pub use reason::StopReason;
pub use registry::{Exit, OnOverdue, Registry, SecondSignal};
pub use rt::result::{BoxError, Result};
pub use scope::Scope;
pub use signal::Signals;
pub use status::{
    Edge, EndingThread, ForeignThread, IdleThread, KernelStatus, ProcessStatus, Role, RunState, ScopeId,
    ScopeState, ScopeStatus, Snapshot, ThreadId, ThreadState, ThreadStatus,
};
pub use stopped::Stopped;
pub use stopper::{OnStop, Stopper};
pub use text::IntoText;

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
