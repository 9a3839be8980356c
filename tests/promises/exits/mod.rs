//! The seven known breaks of scope exits, X1 to X7: each has freed memory under a live thread
//! in some scoped-thread library. Fatal ones run in a re-executed child.

mod counts;
mod forgotten;
mod memory;
mod panics;
