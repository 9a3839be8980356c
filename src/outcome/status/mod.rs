//! Owns the live tree as plain data: scopes, threads, threads beside the tree, and their text.
//! Refuses to know locks and threads: `tree` and `sight` make this data.
//!
//! Read `snapshot` first.

pub(crate) mod call;
pub(crate) mod edge;
pub(crate) mod id;
pub(crate) mod kernel;
pub(crate) mod labels;
pub(crate) mod outside;
pub(crate) mod pool_status;
pub(crate) mod process_facts;
pub(crate) mod pulse;
pub(crate) mod setting;
pub(crate) mod snapshot;
pub(crate) mod stack;
