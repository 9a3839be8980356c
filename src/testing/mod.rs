//! Owns what a program of threads can be tested with: stops, panics and refusals at every point, and a check for threads
//! left behind.
//! Refuses to be needed by the rest: nothing outside uses it.

mod everywhere;
mod leaks;
mod trouble;

pub use everywhere::{StopEverywhere, stop_everywhere};
pub use leaks::{LeakGuard, LeakedThread, Leaks, NoLeaks, no_leaks};
pub use trouble::{Everywhere, Planted, Trouble, Wrong};
