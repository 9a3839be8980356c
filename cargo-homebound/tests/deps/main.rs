//! Owns the parts of the tests of `deps`: what is found, where, under which conditions, and which
//! way leads there.
//! Refuses to test anything by itself.

mod answers;
mod place;
mod sources;
mod ways;
