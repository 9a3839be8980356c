//! Owns the walk over a copied stack, by the unwind tables. No `unsafe`, no system call, no lock,
//! and after `Tables::new` no allocation.
//! Refuses to know how the copy came about, and what an address is called.
//!
//! Read `frames` first.

pub(crate) mod arch;
pub(crate) mod frames;
pub(crate) mod memory;
pub(crate) mod module;
mod registers;
mod rule;
pub(crate) mod tables;

pub(crate) use registers::Registers;
