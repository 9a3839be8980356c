//! Owns the choice of what threads synchronise by: the real things, or those of a model checker, which tries how the steps of
//! threads may interleave.
//! Refuses to know what is built on it: a model runs the code that users run, not a copy.
//!
//! `--cfg homebound_loom` and `--cfg homebound_shuttle` choose the checkers; without them, everything here is another name of
//! the real thing. `docs/TESTING.md` says what the models show.
//!
//! Read `mod` first, then `locks`.

/// Also for what is not modelled.
pub(crate) mod locks;

// The checkers' side stands in the crate `homebound-models`, so that no build for users needs a checker.
#[cfg(any(homebound_loom, homebound_shuttle))]
#[path = "../../homebound-models/sync/model.rs"]
mod model;
#[cfg(any(homebound_loom, homebound_shuttle))]
#[path = "../../homebound-models/sync/stores.rs"]
mod stores;
#[cfg(homebound_loom)]
#[path = "../../homebound-models/sync/words.rs"]
mod words;
#[cfg(any(homebound_loom, homebound_shuttle))]
pub(crate) use model::*;

#[cfg(not(any(homebound_loom, homebound_shuttle)))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, fence};
    pub(crate) use std::thread::{Builder, JoinHandle, ThreadId, current as current_thread, yield_now};

    pub(crate) use super::locks::{Condvar, Mutex};
    /// Those that somebody only tries to take have a name of their own, since loom's cannot be tried.
    pub(crate) use super::locks::{Mutex as TryMutex, MutexGuard as TryMutexGuard};
    pub(crate) use crossbeam_queue::SegQueue as Queue;
    pub(crate) use once_cell::sync::OnceCell;

    pub(crate) use crate::sys::{Sleepers, join};

    /// What has an address for as long as the process runs.
    macro_rules! global {
        ($(#[$about:meta])* static $name:ident: $type:ty = $value:expr;) => {
            $(#[$about])* static $name: $type = $value;
        };
    }
    pub(crate) use global;

    /// What each thread has one of.
    pub(crate) mod local {
        macro_rules! per_thread {
            ($($all:tt)*) => {
                std::thread_local! { $($all)* }
            };
        }
        pub(crate) use per_thread;
    }

    pub(crate) const MODELLED: bool = false;
}
#[cfg(not(any(homebound_loom, homebound_shuttle)))]
pub(crate) use real::*;
