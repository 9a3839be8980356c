//! Owns the comparison of sides: in turns, with the first turn thrown away, by medians; here, or in
//! a child process.
//! Refuses to know the figures.

use std::env;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The amount of everything.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
}

impl Plan {
    /// `full` of something, or a tenth of it.
    pub(crate) fn of(&self, full: usize) -> usize {
        if self.quick { full.div_ceil(10) } else { full }
    }

    /// This many times the rounds, for a row that takes little time and varies.
    pub(crate) fn times(&self, factor: usize) -> usize {
        if self.quick { self.rounds } else { self.rounds * factor }
    }
}

/// One side's figures, one for each round.
#[derive(Clone)]
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) samples: Vec<f64>,
}

impl Side {
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
    }

    pub(crate) fn least(&self) -> f64 {
        self.samples.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn most(&self) -> f64 {
        self.samples.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// A side to be measured: its name, and a function that gives one figure.
pub(crate) type Turn<'a> = (&'static str, Box<dyn FnMut() -> f64 + 'a>);

pub(crate) fn turn<'a>(name: &'static str, figure: impl FnMut() -> f64 + 'a) -> Turn<'a> {
    (name, Box::new(figure))
}

/// Lets the sides take turns. Another side begins in each round, so that none is always the second.
pub(crate) fn in_turns(rounds: usize, mut turns: Vec<Turn<'_>>) -> Vec<Side> {
    let mut sides: Vec<Side> =
        turns.iter().map(|(name, _)| Side { name, samples: Vec::with_capacity(rounds) }).collect();
    for round in 0..=rounds {
        for place in 0..turns.len() {
            let who = (place + round) % turns.len();
            let figure = turns[who].1();
            // The first turn of each warms caches and allocator.
            if round > 0 {
                sides[who].samples.push(figure);
            }
        }
    }
    sides
}

/// Runs this program again as the child `key`. `names` are the names of the sides that it prints.
pub(crate) fn in_child(key: &str, plan: &Plan, names: &[&'static str]) -> Option<Vec<Side>> {
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
pub(crate) fn figure_in_child(key: &str, plan: &Plan) -> Option<f64> {
    in_child(key, plan, &["figure"])?.first()?.samples.first().copied()
}

/// Nanoseconds for each of `count` calls.
pub(crate) fn nanos(count: usize, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..count {
        call();
    }
    start.elapsed().as_secs_f64() * 1e9 / count as f64
}

/// Microseconds for each of `count` calls.
pub(crate) fn micros(count: usize, call: impl FnMut()) -> f64 {
    nanos(count, call) / 1e3
}

/// Microseconds since `start`, shared among `count`.
pub(crate) fn micros_each(start: Instant, count: usize) -> f64 {
    start.elapsed().as_secs_f64() * 1e6 / count as f64
}
