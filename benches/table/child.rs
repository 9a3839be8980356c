//! Owns the child processes, for rows that must be pinned before the first thread, or begin with
//! fresh memory.
//! Refuses to interpret: it prints a line for each side, a figure for each round.

use std::env;
use std::process::{Command, ExitCode, Stdio};

use crate::measure::{Plan, Side};
use crate::{memory, os, spawn};

/// Runs this program again as the child `key`. `names` are the names of the sides that it prints.
pub(crate) fn sides(key: &str, plan: &Plan, names: &[&'static str]) -> Option<Vec<Side>> {
    let mut command = Command::new(env::current_exe().ok()?);
    command.args(["--child", key, &plan.rounds.to_string(), if plan.quick { "quick" } else { "full" }]);
    // The child reports its errors on stderr, where a person sees them.
    let output = command.stderr(Stdio::inherit()).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let figures =
        |line: &str| line.split_whitespace().map(|word| word.parse().ok()).collect::<Option<Vec<f64>>>();
    let sides: Vec<Side> = names
        .iter()
        .zip(text.lines())
        .map(|(name, line)| Some(Side { name, samples: figures(line)? }))
        .collect::<Option<_>>()?;
    (sides.len() == names.len() && sides.iter().all(|side| !side.samples.is_empty())).then_some(sides)
}

/// One figure from a child process of its own, for sides that are processes.
pub(crate) fn figure(key: &str, plan: &Plan) -> Option<f64> {
    sides(key, plan, &["figure"])?.first()?.samples.first().copied()
}

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
