//! Owns the built examples as programs: started as their users start them.
//! Refuses to look inside: each test runs a process.

#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for

#[path = "../common/mod.rs"]
mod common;

mod examples;
mod studio;
