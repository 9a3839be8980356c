//! Owns the health looks of a registry: which threads are blocked outside of homebound, which make
//! no progress although they have said so, and the lines that tell of them.
//! Refuses to end a thread, because nothing can.
//!
//! Read `settings` first, then `looks`, then `judge`.

pub(crate) mod crowd;
pub(crate) mod doom;
pub(crate) mod judge;
pub(crate) mod looks;
pub(crate) mod minder;
pub(crate) mod settings;
pub(crate) mod tell;
