//! Owns the tests of `homebound-testing`, and what its random trees ask of the library.
//! Refuses to hold a test of its own.
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for

#[path = "../common/mod.rs"]
mod common;

mod everywhere;
mod everywhere_joiners;
mod leaks;
mod planted;
mod printed;
mod properties;
mod properties_work;
