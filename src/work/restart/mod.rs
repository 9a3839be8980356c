//! Owns threads that run again after their end: the policy, and the decision after each run.
//! Refuses to look after several threads together: `supervisor` does.
//! Read `policy` first.

#[allow(dead_code)] // the restarts of threads use the rest of it
pub(crate) mod decision;
pub(crate) mod policy;
