//! Owns the map of the guard: what reads source text, what decides which of it counts, what prints.
//! Refuses to know the runtime: it works on text alone, whether that compiles or not.
//!
//! The folders, each using only those before it (`tests/house/layers.rs` holds that): `finding`;
//! `source`; `config`, `print`, `deep`, `graces`, `platform` and `check`, which do not know each
//! other; `deps`; `command`. Read `command/mod.rs` first, and `check/mod.rs` for what a check is.

pub mod check;
pub mod command;
pub mod deps;
pub mod finding;

mod config;
mod deep;
mod graces;
mod platform;
mod print;
mod source;

pub use finding::{catalog, rule};
