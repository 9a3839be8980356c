//! Owns what the proof stands on: lifetime erasure, result slots, latches and the joining of OS
//! threads. Owns also what all folders above share: clocks, the text of names, the results of
//! closures.
//! Refuses to know scopes, stops, failures and policy.
//!
//! Read `README.md` first, which holds terms, invariants and proof; then `packet` and `erase`.

pub(crate) mod awake;
pub(crate) mod by_id;
mod census;
pub(crate) mod coalesced;
pub(crate) mod contain;
pub(crate) mod erase;
pub(crate) mod event_count;
pub(crate) mod flags;
mod idle;
pub(crate) mod index;
mod joining;
pub(crate) mod latch;
pub(crate) mod lazy_queue;
pub(crate) mod maker;
pub(crate) mod options;
pub(crate) mod order;
pub(crate) mod os_thread;
pub(crate) mod packet;
pub(crate) mod pauses;
pub(crate) mod priority;
pub(crate) mod result;
pub(crate) mod shown;
pub(crate) mod spin;
pub(crate) mod this_thread;
pub(crate) mod thread_cache;
pub(crate) mod time;
mod title;
pub(crate) mod tokens;
