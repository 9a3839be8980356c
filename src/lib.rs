//! Scopes for OS threads: every thread has a name and a purpose, is told to stop, and comes home.
//!
//! `spawn` is for what ends by itself, `service` for what ends when it is told.
#![cfg_attr(docsrs, feature(doc_cfg))]

/// Any error: what closures return, so that `?` works on all of them and `Ok(x)` infers.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;
/// What closures return.
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;

// In the order in which they are best read: the public face, the model behind it, the views, the ground.
mod audit;
mod exit_code;
pub mod registry;
mod signal;
mod watch;

mod adopt;
mod body;
mod context;
mod group;
mod handle;
mod scope;
mod stopper;
mod thread;
mod wait;

mod current;
mod deferred;
mod exit;
mod graph;
mod members;
mod overdue;
mod record;
mod root;
mod scope_core;
mod settle;
mod shutdown;

mod callback;
mod limit;
mod listen;
mod stop;

mod carried;
mod error;
mod failure;
mod failures;
mod reason;
mod status;
mod tally;
mod token;

mod dump;
mod report;
#[cfg(feature = "serde")]
mod serial;
mod view;

mod rt;
mod sys;

pub use adopt::Adopted;
pub use context::Context;
pub use current::current;
pub use error::{JoinError, SendError, SpawnError, WaitError};
pub use failure::{Cause, Failure, ScopeError};
pub use group::Group;
pub use handle::Handle;
pub use reason::{StopReason, Stopped};
pub use registry::{Exit, OnOverdue, Registry};
pub use scope::{Scope, scope};
pub use signal::Signals;
pub use status::{
    Ending, ForeignThread, Role, ScopeState, ScopeStatus, ShutdownReport, Snapshot, ThreadId, ThreadReport,
    ThreadState, ThreadStatus,
};
pub use stopper::{OnStop, Stopper};
pub use thread::ThreadBuilder;
pub use wait::{Drain, Iter, Ticks};
