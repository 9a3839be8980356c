//! Owns the way from the command line to the exit code.
//! Refuses to know any command: `command` does.

use std::process::ExitCode;

fn main() -> ExitCode {
    cargo_homebound::command::run(std::env::args_os())
}
