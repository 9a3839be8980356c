//! The program, run in projects of its own: the files, the findings that count, the forms of
//! output, and the exit code.

mod adopt;
mod check;
mod config;
mod deep;
mod forms;
mod graces;
mod platform;
mod project;
mod symbols;
