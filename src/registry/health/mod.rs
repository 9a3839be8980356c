//! The health looks of a registry: which threads are blocked outside of homebound, and which do not
//! do what they have said to expect of them.
// Owns what is claimed about a thread's health, and the lines that say so.
// Refuses to end a thread: nothing can.
// Read `settings` first, then `looks`, then `judge`.

pub(crate) mod crowd;
pub(crate) mod doom;
pub(crate) mod judge;
pub(crate) mod looks;
pub(crate) mod settings;
pub(crate) mod tell;
