//! Owns the random trees: their data, their runs, and the properties that must hold in a run.
//! Refuses to use anything but the public interface, so that your own tests could do the same.

mod bytes;
mod genes;
mod items;
mod print;
mod print_work;
#[cfg(feature = "proptest")]
mod strategy;
mod tree;
mod work;

mod act;
mod calls;
mod canary;
mod employ;
mod fault;
mod guest;
mod kernel;
mod log;
mod run;
mod standstill;
mod stops;
mod task;

mod causes;
mod check;
mod index;
mod kin;

pub use check::{Property, Violation, Violations};
pub use kernel::KernelThread;
pub use log::{
    Decided, Event, Failed, Failing, Finish, Gave, How, Observed, Returned, Stop, Sum, TaskEvent, What, Whose,
};
pub use run::LIMIT;
#[cfg(feature = "proptest")]
pub use strategy::{trees, trees_up_to};
pub use tree::{
    Act, Block, Callback, End, Errors, Fate, Id, Limit, Nested, Owned, PATIENCE, Root, Step, Thread, Tree,
    Via, Wait,
};
pub use work::{Care, Mapped, Raced, Task, Trade, Work};
