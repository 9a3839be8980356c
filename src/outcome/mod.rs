//! Owns the data that users get: reasons, errors, failures, reports, snapshots, and their text.
//! Refuses to know scopes, threads and the stop tree: they make this data, and it holds none of
//! them.
//!
//! Read `reason` first, then `errors/failure` and `status/snapshot`. Each line uses those above it:
//!
//! ```text
//! words, together, serial        what texts share
//! reason, stopped, marks         why a thread was asked to stop, and the value that says so
//! status/                        the live tree
//! report/                        a shutdown
//! errors/                        what has failed
//! dump/, waterfall/              a snapshot as text, a shutdown as a picture
//! report_text                    failures and shutdowns as text
//! ```

pub(crate) mod dump;
pub(crate) mod errors;
pub(crate) mod marks;
pub(crate) mod reason;
pub(crate) mod report;
pub(crate) mod report_text;
#[cfg(feature = "serde")]
pub(crate) mod serial;
pub(crate) mod status;
pub(crate) mod stopped;
pub(crate) mod together;
pub(crate) mod waterfall;
pub(crate) mod words;
