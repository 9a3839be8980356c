//! Owns the way from the command line to the exit code: parse, run, print, end.
//! Refuses to know any rule.

use std::process::ExitCode;

use cargo_homebound::deps;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo-homebound", version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Which dependencies can start threads
    Deps(deps::Options),
}

fn main() -> ExitCode {
    let arguments = std::env::args_os().enumerate();
    let arguments = arguments.filter(|(place, word)| *place != 1 || word != "homebound");
    let Command::Deps(options) = Line::parse_from(arguments.map(|(_, word)| word)).command;
    match deps::run(&options, &mut std::io::stdout().lock()) {
        Ok(outcome) => ExitCode::from(outcome.code()),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
