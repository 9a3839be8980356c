//! Owns pools: threads that run jobs from a queue with a bound.
//! Refuses to know how a thread is run and how a scope ends.
//!
//! Read `line` first, which has the state machine; then `worker` and `packet`.

pub(crate) mod builder;
pub(crate) mod error;
pub(crate) mod handle;
pub(crate) mod job;

mod callers;
mod desk;
mod end;
mod errand;
pub(crate) mod helpers;
mod intake;
pub(crate) mod line;
mod map;
mod packet;
pub(crate) mod parts;
mod shared;
mod state;
mod submit;
mod worker;
