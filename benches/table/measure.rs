//! Owns the comparison of sides: in turns, with the first turn thrown away, by medians.
//! Refuses to know the figures.

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
