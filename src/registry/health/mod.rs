//! Owns what follows in the process from the health looks (`sight::health`): the end because a
//! thread is stuck, and the look at *stopper*, which makes the looks.
//! Refuses to look at a thread of the program's.
//!
//! Read `doom` first, then `minder`.

pub(crate) mod doom;
pub(crate) mod minder;
