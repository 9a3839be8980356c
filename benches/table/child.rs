//! Owns the list of the rows that a child process can measure: a row that must be pinned before the
//! first thread, or begin with fresh memory.
//! Refuses to interpret: it prints a line for each side, a figure for each round.

use std::process::ExitCode;

use crate::measure::Plan;
use crate::{memory, os, spawn};

pub(crate) fn main(words: &[String]) -> ExitCode {
    let [key, rounds, size] = words else { return ExitCode::from(2) };
    let Ok(rounds) = rounds.parse() else { return ExitCode::from(2) };
    let plan = Plan { rounds, quick: size == "quick" };
    let lines = match key.as_str() {
        "pinned" if os::pin() => spawn::warm(&plan).into_iter().map(|side| side.samples).collect(),
        key => memory::child(key, &plan),
    };
    for line in &lines {
        let words: Vec<String> = line.iter().map(f64::to_string).collect();
        println!("{}", words.join(" "));
    }
    if lines.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
