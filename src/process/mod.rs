//! Owns child processes as members of a scope.
//! Refuses to know the registry, and to call the OS by itself.
//!
//! Read `builder` first, then `supervise`.

pub(crate) mod builder;
pub(crate) mod handle;
pub(crate) mod leader;
pub(crate) mod lines;
pub(crate) mod output;
pub(crate) mod supervise;
