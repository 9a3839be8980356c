//! Owns the data that users get: reasons, errors, failures, reports, snapshots, and their text.
//! Refuses to know scopes, threads and the stop tree: they make this data, and it holds none of
//! them.
//!
//! Read `reason` first, then `failure`.

pub(crate) mod chain;
pub(crate) mod dump;
pub(crate) mod edge;
pub(crate) mod error;
pub(crate) mod failure;
pub(crate) mod failure_list;
pub(crate) mod gave_up;
pub(crate) mod history_line;
pub(crate) mod marks;
pub(crate) mod offset;
pub(crate) mod outside;
pub(crate) mod pool_status;
pub(crate) mod process_facts;
pub(crate) mod pulse;
pub(crate) mod race_error;
pub(crate) mod reason;
pub(crate) mod report;
pub(crate) mod report_text;
pub(crate) mod retried;
#[cfg(feature = "serde")]
pub(crate) mod serial;
pub(crate) mod setting;
pub(crate) mod slowest;
pub(crate) mod stack;
pub(crate) mod start_error;
pub(crate) mod status;
pub(crate) mod stopped;
pub(crate) mod waterfall;
pub(crate) mod words;
