//! Owns maps: a closure for each of many items, on a number of threads, with the results in the
//! order of the items.
//! Refuses to know pools: a pool drives a crew by its own threads.
//!
//! Read `source` first, then `crew`.

pub(crate) mod collected;
pub(crate) mod crew;
pub(crate) mod source;

mod stream;
mod window;
