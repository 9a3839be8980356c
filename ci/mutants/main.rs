//! The suites that `ci/mutants.sh` asks, as one program: to build and link them one by one for each mutant takes longer than to
//! run them. No test of its own: `cargo test` leaves it out.
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for

#[path = "../../tests/common/mod.rs"]
mod common;

#[path = "../../tests/semantics/exit/mod.rs"]
mod exit;
#[path = "../../tests/semantics/failure/mod.rs"]
mod failure;
#[path = "../../tests/promises/main.rs"]
mod promises;
#[path = "../../tests/semantics/report/mod.rs"]
mod report;
#[path = "../../tests/semantics/reuse/mod.rs"]
mod reuse;
#[path = "../../tests/starting.rs"]
mod starting;
#[path = "../../tests/semantics/stop/mod.rs"]
mod stop;
#[path = "../../tests/semantics/tree/mod.rs"]
mod tree;
#[path = "../../tests/semantics/wait/mod.rs"]
mod wait;
