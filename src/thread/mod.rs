//! Owns one thread: its builder, its run, what its closure is given, what its spawner holds.
//! Refuses to know when its scope ends.
//!
//! Read `spawn` first, then `context`. A join begins in `handle`, and blocks in `blocking`.

pub(crate) mod adopt;
pub(crate) mod blocking;
pub(crate) mod builder;
pub(crate) mod context;
pub(crate) mod drain;
pub(crate) mod expect;
pub(crate) mod failpoint;
pub(crate) mod handle;
pub(crate) mod rerun;
pub(crate) mod spawn;
pub(crate) mod stopper;
