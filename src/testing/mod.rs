//! Owns the tests that a program of threads can be put through: a stop at every point, random trees around your code, and
//! a check for threads left behind.
//! Refuses to be needed by the rest: nothing outside uses it.
//!
//! - [`stop_everywhere`] runs a program again and again, and plants a stop, a panic or a refused spawn one point later each
//!   time: it comes back with the place that does not stand it.
//! - [`no_leaks`] says which threads a piece of code left behind, also beside other tests.
//! - A [`Tree`] is a program as plain data: scopes, groups, services, workers, and what each of them does: fail, panic, panic
//!   in a `Drop`, block, be deaf for a while, stop or join a relative, leak a handle. [`Tree::run`] runs it on real threads
//!   and notes what happens; [`Observed::check`] says which [`Property`] did not hold. `Display` of a tree is a program in
//!   Rust that does the same.
//!
//! ```
//! use homebound::testing::Tree;
//!
//! let tree = Tree::from_bytes(&[0, 0, 0, 1, 0, 0, 3, 5, 20, 0, 64, 8]); // any bytes are one: for fuzzing
//! let observed = tree.run();
//! if let Err(wrong) = observed.check() {
//!     panic!("{wrong}");
//! }
//! println!("{tree}");
//! ```
//!
//! Your own code can be in there: [`Tree::run_with`] calls it wherever the tree says [`Act::Call`]. With the feature
//! `testing`, `trees()` is a strategy for proptest, which makes random trees and shrinks them.

// A stop at every point.
mod everywhere;
mod trouble;

// Threads left behind.
mod leaks;

// Random trees: what they are, how they run, what must hold. They use the public interface only.
mod bytes;
mod print;
#[cfg(feature = "testing")]
mod strategy;
mod tree;

mod act;
mod calls;
mod canary;
mod fault;
mod kernel;
mod log;
mod run;
mod stops;

mod causes;
mod check;
mod index;
mod kin;

pub use check::{Property, Violation, Violations};
pub use everywhere::{StopEverywhere, stop_everywhere};
pub use kernel::KernelThread;
pub use leaks::{LeakGuard, LeakedThread, Leaks, NoLeaks, no_leaks};
pub use log::{Event, Failed, Failing, Finish, How, Observed, Returned, Stop, Sum, What};
pub use run::LIMIT;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub use strategy::{trees, trees_up_to};
pub use tree::{
    Act, Block, Callback, End, Errors, Fate, Id, Limit, Nested, Owned, PATIENCE, Step, Thread, Tree, Via,
    Wait,
};
pub use trouble::{Everywhere, Planted, Trouble, Wrong};
