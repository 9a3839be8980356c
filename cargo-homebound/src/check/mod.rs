//! Owns the check: text in, findings out.
//! Refuses to know the configuration, and how findings are printed.
//!
//! Read `one_file` first: it runs everything else here on the text of one file. The rooms, each
//! using only those before it: `resolve` (what names, types and values stand for), `state` (what
//! the walk knows at a place), `rules` (when a place counts, and its message), `visit` (the walk
//! over the syntax, which calls the rules). `quick` is the look at a file's bytes before it is
//! parsed; `files` checks many files.

mod files;
mod one_file;
mod quick;
mod resolve;
mod rules;
mod state;
mod visit;

pub use one_file::{is_worth_a_look, source, starts};
pub use state::Start;

pub(crate) use files::scan;
