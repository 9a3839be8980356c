//! Owns what the names, types and values of a file stand for, as far as the text of that file says.
//! Refuses to know the rules, and to walk over code: it answers questions about one name or one
//! value.
//!
//! Read `scopes` first (all declarations of the file), then `names` (from a path to its meaning),
//! `types` (guesses about values) and `flow` (where values go). `written`, `bodies` and `cfg` read
//! syntax; `passage` and `waits` are tables of methods and functions.

pub(crate) mod bodies;
pub(crate) mod cfg;
pub(crate) mod flow;
pub(crate) mod names;
pub(crate) mod passage;
pub(crate) mod scopes;
pub(crate) mod types;
pub(crate) mod waits;
pub(crate) mod written;
