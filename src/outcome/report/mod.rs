//! Owns the report of a shutdown as plain data, and what is computed from it.
//! Refuses to collect it: `shutdown` does.
//!
//! Read `shutdown` first.

pub(crate) mod history_line;
pub(crate) mod offset;
pub(crate) mod shutdown;
pub(crate) mod slowest;
