//! Tests for programs of threads that use [homebound]: a stop at every point, random trees of
//! scopes and threads around your code, and a check for threads left behind.
//!
//! - [`stop_everywhere`] runs a program again and again, and plants a stop, a panic or a refused
//!   spawn one point later each time. It returns the place that does not stand the event.
//! - [`no_leaks`] says which threads a piece of code left behind, also beside other tests.
//! - A [`Tree`] is a random program around your code.
//!
//! A [`Tree`] is a program as plain data: scopes, groups, services and workers, pools, supervisors,
//! sets of threads, maps and races, and their steps: fail, panic, panic in a `Drop`, block, be deaf
//! for a while, stop or join a relative, leak a handle. [`Tree::run`] runs it on real threads and
//! notes every event. [`Observed::check`] says which [`Property`] did not hold. `Display` of a tree
//! is a program in Rust that does the same.
//!
//! ```
//! use homebound_testing::Tree;
//!
//! // Any bytes make a tree, so a fuzzer may choose them.
//! let tree = Tree::from_bytes(&[0, 0, 0, 1, 0, 0, 3, 5, 20, 0, 64, 8]);
//! let observed = tree.run();
//! if let Err(wrong) = observed.check() {
//!     panic!("{wrong}");
//! }
//! println!("{tree}");
//! ```
//!
//! [`Tree::run_with`] calls your own code wherever the tree says [`Act::Call`]. With the feature
//! `proptest`, `trees()` is a strategy for proptest, which makes random trees and shrinks them.

// A stop at every point.
mod everywhere;
mod trouble;

// Threads left behind.
mod leaks;

// Random trees, which use the public interface only.
mod trees;

pub use everywhere::{StopEverywhere, stop_everywhere};
pub use leaks::{LeakGuard, LeakedThread, Leaks, NoLeaks, no_leaks};
pub use trees::{
    Act, Block, Callback, Care, Decided, End, Errors, Event, Failed, Failing, Fate, Finish, Gave, How, Id,
    KernelThread, LIMIT, Limit, Mapped, Nested, Observed, Owned, PATIENCE, Property, Raced, Returned, Root,
    Step, Stop, Sum, Task, TaskEvent, Thread, Trade, Tree, Via, Violation, Violations, Wait, What, Whose,
    Work,
};
#[cfg(feature = "proptest")]
#[cfg_attr(docsrs, doc(cfg(feature = "proptest")))]
pub use trees::{trees, trees_up_to};
pub use trouble::{Everywhere, Planted, Trouble, Wrong};
