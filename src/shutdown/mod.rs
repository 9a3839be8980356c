//! Owns the order in which a scope ends: which threads are told, waited for, marked overdue, and
//! what is settled afterwards.
//! Refuses to know what a thread runs.
//!
//! Read `order` first: its `drive` is where the end of a scope is awaited. Then `settle`, which
//! decides the result of the scope (`verdict`); `reporting` makes the report. `long_wait` only says
//! that a wait takes long: a join blocks in `thread::blocking`.

pub(crate) mod call;
pub(crate) mod deferred;
#[cfg(feature = "hangs")]
mod hangs;
#[cfg(not(feature = "hangs"))]
#[path = "no_hangs.rs"]
mod hangs;
pub(crate) mod left;
pub(crate) mod long_wait;
pub(crate) mod order;
pub(crate) mod overdue;
pub(crate) mod owned;
pub(crate) mod reporting;
pub(crate) mod settle;
