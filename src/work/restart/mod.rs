//! Owns threads that run again after their end: the policy, and the decision after each run.
//! Refuses to look after several threads together: `supervisor` does.
//! Read `policy` first.

pub(crate) mod decision;
pub(crate) mod own;
pub(crate) mod policy;
