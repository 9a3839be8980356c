//! Owns the health looks: which threads are blocked outside of homebound, which make no progress
//! although they have said so, and the lines that tell of them.
//! Refuses to end a thread, because nothing can, and to know the thread that looks, which the
//! registry owns.
//!
//! Read `settings` first, then `looks`, then `judge`.

mod crowd;
mod judge;
pub(crate) mod looks;
pub(crate) mod settings;
mod tell;
