//! Owns the choice of locks, atomics and threads: the real ones, or those of a model checker, which
//! tries in which orders the steps of threads may interleave.
//! Refuses to know the code that is built on it: a model runs the code that users run, not a copy.
//!
//! `--cfg homebound_loom` and `--cfg homebound_shuttle` choose the checkers. Without them,
//! everything here is another name of the real thing. `docs/TESTING.md` says what the models show.
//!
//! Read `mod` first, then `locks`.

/// Used directly by code that is not modelled.
pub(crate) mod locks;

#[cfg(any(homebound_loom, homebound_shuttle, not(target_os = "linux")))]
mod sleepers;

// The checkers' side stands in the crate `homebound-models`, so that no build for users needs a
// checker.
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
    /// A mutex that some thread takes with `try_lock` has a type of its own, because loom's mutex
    /// has no `try_lock`.
    pub(crate) use super::locks::{Mutex as TryMutex, MutexGuard as TryMutexGuard};
    pub(crate) use crossbeam_queue::SegQueue as Queue;
    pub(crate) use once_cell::sync::OnceCell;

    #[cfg(not(target_os = "linux"))]
    pub(crate) use super::sleepers::Sleepers;
    #[cfg(target_os = "linux")]
    pub(crate) use crate::sys::Sleepers;
    pub(crate) use crate::sys::join;

    /// A static. loom's atomics have no `const fn new`, so its version of this macro makes the
    /// value lazily.
    macro_rules! global {
        ($(#[$about:meta])* static $name:ident: $type:ty = $value:expr;) => {
            $(#[$about])* static $name: $type = $value;
        };
    }
    pub(crate) use global;

    /// Thread-locals.
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
