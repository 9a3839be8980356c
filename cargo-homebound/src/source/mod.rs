//! Owns where source text comes from: which project it is, which of its files are looked at, what
//! git has staged, lines of a text.
//! Refuses to know Rust: a file is a name and bytes here.
//!
//! Read `project` first, then `walk`, whose `Walked` is what a check is given.

pub(crate) mod project;
pub(crate) mod staged;
pub(crate) mod text;
pub(crate) mod walk;
