//! Owns the stop tree: nodes that are marked, the walk that marks them, and all ways to hear of a
//! mark.
//! Refuses to know scopes and threads: those are told through `node::Owner`.
//!
//! Read `node` first, then `mark` and `listen`.

pub(crate) mod callback;
pub(crate) mod cause;
pub(crate) mod condvar;
pub(crate) mod limit;
pub(crate) mod listen;
pub(crate) mod mark;
pub(crate) mod node;
pub(crate) mod select;
pub(crate) mod wakeups;
