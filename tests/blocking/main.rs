//! Owns the waits outside of channels: system calls, condition variables, child processes.
//! Refuses to hold a test of its own.

#[path = "../common/mod.rs"]
mod common;

mod condvar;
mod io;
mod process;
