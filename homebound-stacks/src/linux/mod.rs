//! Owns the capture on Linux.
//! Refuses to know other systems: `unsupported` is for them.
//!
//! Read `stacks` first.

mod copy;
mod folded;
mod kernel;
mod lines;
mod maps;
mod mounts;
mod names;
mod stacks;
mod strange;
mod sys;
mod walk;

pub use kernel::{thread_id, threads};
pub use names::{Modules, Names, Shown};
pub use stacks::Stacks;
pub use sys::signal::free_signal;
