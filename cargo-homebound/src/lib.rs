//! Owns the map of the guard: what reads source text, what decides which of it counts, what prints.
//! Refuses to know the runtime: it works on text alone, whether that compiles or not.

pub mod catalog;
pub mod check;
pub mod cli;
pub mod deps;
pub mod finding;
pub mod rule;

mod beside;
mod config;
mod day;
mod deep;
mod explain;
mod fault;
mod guard;
mod hook;
mod init;
mod judge;
mod place;
mod print;
mod report;
mod scan;
mod staged;
mod text;
mod walk;
