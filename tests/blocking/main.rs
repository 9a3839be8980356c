//! Owns the waits outside of channels: system calls, condition variables, child processes.
//! Refuses to hold a test of its own.
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for

#[path = "../common/mod.rs"]
mod common;

mod condvar;
mod io;
mod process;
