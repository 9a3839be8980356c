//! Owns the tests that a program of threads can be put through: for now, random trees.
//! Refuses to use anything but the public interface: what it does, a test of yours could do.

mod act;
mod bytes;
mod calls;
mod canary;
mod causes;
mod check;
mod fault;
mod index;
mod kernel;
mod kin;
mod log;
mod print;
mod run;
#[cfg(feature = "testing")]
mod strategy;
mod tree;

pub use check::{Property, Violation, Violations};
pub use kernel::KernelThread;
pub use log::{Ending, Event, Failed, Failing, How, Observed, Returned, Stop, Sum, What};
pub use run::LIMIT;
#[cfg(feature = "testing")]
pub use strategy::{trees, trees_up_to};
pub use tree::{
    Act, Block, Callback, End, Errors, Fate, Id, Limit, Nested, Owned, PATIENCE, Step, Thread, Tree, Via, Wait,
};
