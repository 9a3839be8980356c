//! Owns the built examples as programs: started as their users start them.
//! Refuses to look inside: each test runs a process.

#[path = "../common/mod.rs"]
mod common;

mod examples;
mod studio;
