//! Owns the parts of the tests of `deps`: places, conditions, and the ways through the graph.
//! Refuses to test anything by itself.

mod answers;
mod place;
mod sources;
mod ways;
