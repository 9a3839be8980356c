//! Owns scopes and threads as data: the members of a scope, the wait of each thread, the failures,
//! and how much time is left.
//! Refuses to start threads and to decide what happens next: `thread` and `shutdown` do.
//!
//! A thread holds its scope, a scope holds its threads, and both share a root. So fifteen files of
//! this folder know each other: `core`, `current`, `internal`, `panic_hook`, `propagate`, `record`,
//! `result_state`, `root`, `running`, `services`, `state`, `state_lock`, `tally`, `timers`,
//! `wait_mark`.
//!
//! Read `core` and `record` first, then `state`.

pub(crate) mod core;
pub(crate) mod current;
pub(crate) mod deadlock;
pub(crate) mod drain;
pub(crate) mod due;
pub(crate) mod fault_plan;
pub(crate) mod grace;
pub(crate) mod guest;
pub(crate) mod internal;
pub(crate) mod jobs;
pub(crate) mod life;
pub(crate) mod on_done;
pub(crate) mod panic_hook;
pub(crate) mod path;
pub(crate) mod propagate;
pub(crate) mod readiness;
pub(crate) mod record;
pub(crate) mod result_state;
pub(crate) mod root;
pub(crate) mod rows;
pub(crate) mod running;
pub(crate) mod runs;
pub(crate) mod services;
pub(crate) mod snapshot;
pub(crate) mod starting;
pub(crate) mod state;
pub(crate) mod state_lock;
pub(crate) mod tally;
pub(crate) mod text;
pub(crate) mod timers;
pub(crate) mod traits;
pub(crate) mod users;
pub(crate) mod verdict;
pub(crate) mod vitals;
pub(crate) mod wait_mark;
pub(crate) mod walk;
