//! Owns what the history of a program says about its grace: how long its stops took, which threads
//! were slow, and which grace would have been enough.
//! Refuses to change anything: the operator sets the grace.
//!
//! Read `run` first, which reads the lines; `table` makes text of them.

pub(crate) mod run;
pub(crate) mod table;
