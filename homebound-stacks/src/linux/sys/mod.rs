//! Owns all `unsafe` of this crate: the copying of memory, the signal, its handler and its slots,
//! and the program's file in memory.
//! Refuses to know what a stack is.
//!
//! Read `slot` first: it has the protocol, and the README has the proof.
#![allow(unsafe_code, reason = "the README has the proof")]

pub(crate) mod handler;
pub(crate) mod map;
pub(crate) mod memory;
pub(crate) mod signal;
pub(crate) mod slot;
pub(crate) mod words;
