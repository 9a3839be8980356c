//! Owns what opens a scope and runs its body, and what can be asked of a scope or a group
//! meanwhile.
//! Refuses to know in which order a scope ends.
//!
//! Read `run` first: the promise about lifetimes stands there.

pub(crate) mod face;
pub(crate) mod group;
pub(crate) mod run;
