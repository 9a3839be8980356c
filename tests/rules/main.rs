//! Owns the rules that are read off the sources, the signatures and the compiler, not off a run.
//! Refuses to hold a test of its own.

#[path = "../common/mod.rs"]
mod common;

mod api;
mod prose;
mod serial;
mod tidy;
mod ui;
