//! The suites that `ci/mutants.sh` asks, as one program: to build and link them one by one for each mutant takes longer than to
//! run them. No test of its own: `cargo test` leaves it out.

#[path = "../../tests/promises.rs"]
mod promises;
#[path = "../../tests/reuse.rs"]
mod reuse;
#[path = "../../tests/semantics_exit.rs"]
mod semantics_exit;
#[path = "../../tests/semantics_failure.rs"]
mod semantics_failure;
#[path = "../../tests/semantics_report.rs"]
mod semantics_report;
#[path = "../../tests/semantics_stop.rs"]
mod semantics_stop;
#[path = "../../tests/semantics_tree.rs"]
mod semantics_tree;
#[path = "../../tests/semantics_wait.rs"]
mod semantics_wait;
#[path = "../../tests/starting.rs"]
mod starting;
