//! A fleet of worker processes on a table of jobs in PostgreSQL, and trials in which it is
//! replaced, killed, poisoned, and loses its database. No job is lost, and none is done twice.
//!
//! ```text
//! fleet [TRIAL..] [--rounds N] [--jobs N] [--replacements N] [--seed N]
//! fleet worker FOLDER NAME WORKERS      one process, which the trials start
//! ```
//!
//! Trials: `replace`, `poison`, `outage`, `query`, `crashes`, `suspend`; without one, all of them.

mod audit;
mod chance;
mod database;
mod fleet;
mod limits;
mod queue;
mod trials;
mod worker;

use std::path::Path;
use std::process::{ExitCode, Termination};

use homebound::registry::Registry;
use homebound::{Context, Result};

use trials::{Settings, TRIALS, Trial};

const USAGE: &str = "usage: fleet [replace|poison|outage|query|crashes|suspend].. [--rounds N] [--jobs N] [--replacements N] [--seed N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["worker", folder, name, workers] = words[..] {
        return match workers.parse() {
            Ok(workers) => worker::run(Path::new(folder), name, workers).report(),
            Err(error) => refuse(&format!("{workers}: {error}")),
        };
    }
    match Plan::of(&words) {
        Ok(plan) => Registry::new("fleet").run(|scope| plan.run(scope.context())).report(),
        Err(error) => refuse(&error.to_string()),
    }
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("fleet: {why}\n{USAGE}");
    ExitCode::from(2)
}

/// What the command line asks for.
struct Plan {
    trials: Vec<(&'static str, Trial)>,
    rounds: u64,
    settings: Settings,
}

impl Plan {
    fn of(words: &[&str]) -> Result<Plan> {
        let settings = Settings { seed: u64::from(std::process::id()), jobs: 600, replacements: 10 };
        let mut plan = Plan { trials: Vec::new(), rounds: 1, settings };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || words.next().ok_or_else(|| format!("{word} needs a number"));
            match *word {
                "--rounds" => plan.rounds = number()?.parse()?,
                "--jobs" => plan.settings.jobs = number()?.parse()?,
                "--replacements" => plan.settings.replacements = number()?.parse()?,
                "--seed" => plan.settings.seed = number()?.parse()?,
                name => {
                    let trial = TRIALS.iter().find(|(known, _)| *known == name);
                    plan.trials.push(*trial.ok_or_else(|| format!("there is no trial {name}"))?);
                }
            }
        }
        if plan.trials.is_empty() {
            plan.trials = TRIALS.to_vec();
        }
        Ok(plan)
    }

    /// Runs the trials, round by round. An error if anything was wrong in one of them.
    fn run(mut self, cx: &Context) -> Result {
        let mut wrong = 0;
        for round in 1..=self.rounds {
            for (name, trial) in &self.trials {
                cx.checkpoint()?;
                let outcome = trial(&self.settings)?;
                println!("{name}, round {round}, seed {}: {}", self.settings.seed, outcome.text);
                outcome.faults.iter().for_each(|fault| println!("  WRONG: {fault}"));
                wrong += outcome.faults.len();
            }
            self.settings.seed += 1;
        }
        if wrong == 0 { Ok(()) } else { Err(format!("{wrong} things were wrong"))? }
    }
}
