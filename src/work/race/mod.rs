//! Owns races: threads that try the same, until enough of them have succeeded.
//! Refuses to start and to stop a thread itself: a race is a scope of its own.
//!
//! Read `field` first.

mod entrants;
mod face;
mod field;

pub use entrants::Race;
