//! Owns what opens a scope and runs its body, what the body can ask of a scope or a group, and what
//! a context can ask of the scope that its thread is in.
//! Refuses to know in which order a scope ends.
//!
//! Read `run` first: the promise about lifetimes stands there.
//!
//! The order of the modules is the order of the methods on the pages of `Scope` and `Context`.

pub(crate) mod face;

pub(crate) mod group;

pub(crate) mod stopping;

pub(crate) mod account;

pub(crate) mod siblings;

pub(crate) mod run;

pub(crate) mod identity;
