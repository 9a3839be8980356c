//! Runs the built `studio` example as its users do: on good and bad folders, with signals, on a
//! full disk.
//!
//! No test sleeps to synchronise. Each waits, within a bound, for a line that the studio prints;
//! where the studio would be too quick to be caught, `STUDIO_FAULT` (see
//! `examples/studio/faults.rs`) makes it wait.
#![cfg(unix)]

mod call;
mod eight;
mod ends;
mod folders;
mod pictures;
mod place;
mod single;
mod watch;
mod web;
