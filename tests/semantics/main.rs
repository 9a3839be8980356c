//! Owns the list of what the semantics say, one module for each group of clauses.
//! Refuses to hold a test of its own.
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for

#[path = "../common/mod.rs"]
mod common;

mod cost;
mod dump;
mod edges;
mod exit;
mod failure;
mod guests;
mod health;
#[cfg(target_os = "linux")]
mod hosts;
mod judgement;
mod no_stacks;
mod owned;
mod registry;
mod report;
mod reuse;
mod shown;
mod stacks;
mod stop;
mod tree;
mod wait;
mod work;
