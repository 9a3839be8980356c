//! The application's root: one at a time, with the OS's signals, the audit of the kernel's list of
//! threads and the exit code.
//!
//! [`run()`] is the way in. [`Registry`] has the settings of a run, and [`Exit`] is what `main`
//! returns.
// Owns the process: opens a root scope, and puts the process back as it was.
// Refuses to know how a scope works.
//
// Read `face` first, then `builder`, `installed`, `watch_thread` and `stopper_thread`. A signal
// comes in at `sys::handlers::on_signal`, and goes on to `watch_thread::heard`; `signal_settings`
// only says which signals are taken.

pub(crate) mod audit;
pub(crate) mod builder;
pub(crate) mod chores;
pub(crate) mod drain;
pub(crate) mod dump_to;
pub(crate) mod early_look;
pub(crate) mod exit;
pub(crate) mod face;
pub(crate) mod file_thread;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod installed;
pub(crate) mod last_words;
pub(crate) mod notify;
pub(crate) mod platform;
pub(crate) mod quiescent;
pub(crate) mod root_clock;
pub(crate) mod settings;
pub(crate) mod shared;
pub(crate) mod signal_settings;
#[cfg(unix)]
pub(crate) mod sockets;
pub(crate) mod stopper_thread;
pub(crate) mod stopping_line;
pub(crate) mod waker;
pub(crate) mod watch_thread;

pub use crate::sight::health::settings::{Health, OnStuck};
pub use builder::Registry;
pub use dump_to::DumpTo;
pub use exit::{Exit, OnOverdue};
pub use face::{dump_status, group, run, snapshot, unblocked};
pub use notify::reloading::reloading;
pub use notify::setting::Notify;
pub use quiescent::{Forked, Quiescent, before_threads};
pub use signal_settings::{SecondSignal, Signals};
#[cfg(unix)]
pub use sockets::{Sockets, sockets};
