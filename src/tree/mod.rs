//! Owns scopes and threads as data: the members of a scope, the wait of each thread, the failures,
//! and how much time is left.
//! Refuses to start threads and to decide what happens next: `thread` and `shutdown` do.
//!
//! A thread holds its scope, a scope holds its threads, and both share a root. So eight files are
//! one data structure, and know each other: `core`, `record`, `root`, `state`, `state_lock`,
//! `services`, `tally`, `waiting`. The other files use these, or are used by them, but not both.
//!
//! Read `core` and `record` first, then `state`. The others by subject:
//!
//! | subject | files |
//! |---|---|
//! | the members of a scope, and their count in a stop | `state`, `services`, `tally`, `recent` |
//! | the context of the calling thread, and its wait | `current`, `waiting`, `wait_mark` |
//! | the result of a thread, and what follows its end | `result_state`, `results`, `on_done` |
//! | a failure: what is one, and what it stops | `classify`, `propagate`, `panic_hook` |
//! | time: shares of the grace, and the end of deadlines | `grace`, `due`, `timers`, `keeper` |
//! | threads that wait for each other in a circle | `deadlock`, `users` |
//! | snapshots, and the rows of a report | `snapshot`, `rows`, `path` |
//! | readiness, runs, jobs of a pool | `readiness`, `starting`, `runs`, `pool_facts`, `job_now` |
//! | what the health looks read, and where they leave their findings | `vitals`, `board` |
//! | threads of homebound's own | `internal`, `keeper` |

pub(crate) mod board;
pub(crate) mod classify;
pub(crate) mod core;
pub(crate) mod current;
pub(crate) mod deadlock;
pub(crate) mod drain;
pub(crate) mod due;
pub(crate) mod fault_plan;
pub(crate) mod grace;
pub(crate) mod guest;
pub(crate) mod internal;
pub(crate) mod job_now;
pub(crate) mod keeper;
pub(crate) mod life;
pub(crate) mod on_done;
pub(crate) mod panic_hook;
pub(crate) mod path;
pub(crate) mod pool_facts;
pub(crate) mod propagate;
pub(crate) mod readiness;
pub(crate) mod recent;
pub(crate) mod record;
pub(crate) mod result_state;
pub(crate) mod results;
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
pub(crate) mod vitals;
pub(crate) mod wait_mark;
pub(crate) mod waiting;
pub(crate) mod walk;
