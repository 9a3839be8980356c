//! Owns the way from the command line to the exit code: parse, run, print, end.
//! Refuses to know any rule.

fn main() {}
