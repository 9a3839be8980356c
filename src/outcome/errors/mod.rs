//! Owns the errors that calls return, and the failures of threads and scopes.
//! Refuses to decide what counts as a failure: `tree::classify` does.
//!
//! Read `failure` first.

pub(crate) mod chain;
pub(crate) mod error;
pub(crate) mod failure;
pub(crate) mod failure_list;
pub(crate) mod gave_up;
pub(crate) mod race_error;
pub(crate) mod retried;
pub(crate) mod start_error;
