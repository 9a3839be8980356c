//! Owns the map of the guard: what reads source text, what decides which of it counts, what prints.
//! Refuses to know the runtime: it works on text alone, whether that compiles or not.

pub mod catalog;
pub mod check;
pub mod deps;
pub mod finding;
pub mod rule;
