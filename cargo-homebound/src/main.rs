//! Owns the way from the command line to the exit code.
//! Refuses to know any command: `cli` does.

use std::process::ExitCode;

fn main() -> ExitCode {
    cargo_homebound::cli::run(std::env::args_os())
}
