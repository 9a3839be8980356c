//! The program, run in projects of its own: what is checked, what counts, what is printed, and how
//! it ends.

mod adopt;
mod check;
mod config;
mod deep;
mod forms;
mod project;
