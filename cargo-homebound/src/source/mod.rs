//! Owns where source text comes from: the project, the files in it that are looked at, the files
//! that git has staged, the lines of a text.
//! Refuses to know Rust: a file is a name and bytes here.
//!
//! Read `project` first, then `walk`: a `Walked` is the list of files that a check is given.

pub(crate) mod project;
pub(crate) mod staged;
pub(crate) mod text;
pub(crate) mod walk;
