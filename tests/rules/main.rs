//! Owns the rules that are read off the sources, the signatures and the compiler, not off a run.
//! Refuses to hold a test of its own.

#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for

#[path = "../common/mod.rs"]
mod common;

mod api;
mod deploy;
mod msrv;
mod prose;
mod serial;
mod source;
mod tidy;
mod ui;
