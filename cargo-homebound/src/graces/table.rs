//! Owns the table of percentiles, and the suggestion below it.
//! Refuses to read files.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::run::{History, Run};

/// Number of threads that are shown.
const ROWS: usize = 20;
/// Number of runs below which a percentile says little.
const FEW: usize = 20;
/// A suggested grace is one of these, in seconds.
const ROUND: [u64; 18] = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 25, 30, 45, 60, 75, 90, 120, 180];
const SECOND: u64 = 1_000_000;

/// The known durations in microseconds, in order, and the number of durations whose end is not
/// known.
#[derive(Debug, Default)]
struct Samples {
    known: Vec<u64>,
    unknown: usize,
    overdue: usize,
}

impl Samples {
    fn add(&mut self, took: Option<u64>) {
        match took {
            Some(took) => self.known.push(took),
            None => self.unknown += 1,
        }
    }

    /// The value that this share of all samples does not exceed (the nearest rank). `None` if it is
    /// one of the unknown ones, which are longer than any known one.
    fn at(&self, percent: usize) -> Option<u64> {
        let all = self.known.len() + self.unknown;
        let rank = (all * percent).div_ceil(100).max(1);
        self.known.get(rank - 1).copied()
    }

    fn max(&self) -> Option<u64> {
        self.at(100)
    }
}

/// The text for all programs of a history.
pub(crate) fn text(history: &History) -> String {
    let mut out = String::new();
    for (scope, runs) in &history.programs {
        if !out.is_empty() {
            out.push('\n');
        }
        let _a_string_takes_all = program(&mut out, scope, runs);
    }
    if history.programs.is_empty() {
        out.push_str("no run in this history\n");
    }
    if let Some(first) = history.odd.first() {
        let plural = if history.odd.len() == 1 { "" } else { "s" };
        let _a_string_takes_all = writeln!(
            out,
            "\n{} line{plural} could not be read, the first is line {first}",
            history.odd.len()
        );
    }
    out
}

fn program(out: &mut String, scope: &str, runs: &[Run]) -> std::fmt::Result {
    let (mut whole, mut threads) = (Samples::default(), BTreeMap::<&str, Samples>::new());
    for run in runs {
        // A run that was ended by force tells no duration, because it would have needed longer.
        whole.add((!run.forced).then_some(run.took_us));
        whole.overdue += usize::from(run.timeout > 0);
        for thread in &run.threads {
            let samples = threads.entry(&thread.path).or_default();
            samples.add(thread.took_us);
            samples.overdue += usize::from(thread.overdue);
        }
    }
    let grace = runs.last().and_then(|run| run.grace_us);
    let forced = whole.unknown;
    write!(out, "{scope}: {} run{}", runs.len(), if runs.len() == 1 { "" } else { "s" })?;
    match grace {
        Some(grace) => write!(out, ", grace {} in the last one", span(grace))?,
        None => out.write_str(", no grace in the last one")?,
    }
    writeln!(out, "{}", if forced > 0 { format!(", {forced} ended by force") } else { String::new() })?;
    let mut rows: Vec<(&str, &mut Samples)> = vec![("the whole stop", &mut whole)];
    let mut slowest: Vec<_> = threads.iter_mut().map(|(path, samples)| (*path, samples)).collect();
    slowest.iter_mut().for_each(|(_, samples)| samples.known.sort_unstable());
    // The slowest first; an end that is not known is later than any.
    slowest.sort_by_key(|(_, samples)| std::cmp::Reverse((samples.unknown, samples.max())));
    let more = slowest.len().saturating_sub(ROWS);
    slowest.truncate(ROWS);
    rows.append(&mut slowest);
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    writeln!(out, "{:width$}  {:>9} {:>9} {:>9} {:>9}  of the grace", "", "p50", "p95", "p99", "max")?;
    for (name, samples) in rows {
        // A file that another program has written may hold anything.
        let name: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        samples.known.sort_unstable();
        let cell = |took: Option<u64>| took.map_or_else(|| "not home".to_owned(), span);
        write!(out, "{name:width$}")?;
        write!(out, "  {:>9} {:>9}", cell(samples.at(50)), cell(samples.at(95)))?;
        write!(out, " {:>9} {:>9}", cell(samples.at(99)), cell(samples.max()))?;
        if let (Some(max), Some(grace)) = (samples.max(), grace.filter(|grace| *grace > 0)) {
            write!(out, "  {} %", max.saturating_mul(100) / grace)?;
        }
        match samples.overdue {
            0 => writeln!(out)?,
            times => writeln!(out, "  overdue in {times}")?,
        }
    }
    if more > 0 {
        writeln!(out, "and {more} more, each quicker than these")?;
    }
    suggestion(out, &whole, grace, runs.len())
}

fn suggestion(out: &mut String, whole: &Samples, grace: Option<u64>, runs: usize) -> std::fmt::Result {
    // A percentile of few samples is the greatest of them.
    let (basis, name) = if whole.known.len() < 100 {
        (whole.known.last().copied(), "the slowest stop")
    } else {
        (whole.at(99), "the 99th percentile")
    };
    if whole.unknown > 0 {
        let plural = if whole.unknown == 1 { "" } else { "s" };
        writeln!(
            out,
            "{} run{plural} ended by force, so what the threads needed is not known. A longer grace helps a \
             slow thread, and not one that is stuck: look at the threads that were not home.",
            whole.unknown
        )?;
    }
    let Some(basis) = basis.or_else(|| whole.known.last().copied()) else { return Ok(()) };
    // Half as much again, so that a busier machine has room; workers have three quarters of it.
    let needed = basis.saturating_mul(3) / 2;
    let whole_seconds = needed.div_ceil(SECOND);
    let seconds = ROUND.into_iter().find(|round| *round >= whole_seconds).unwrap_or(whole_seconds);
    write!(out, "suggestion: grace {seconds} s, half as much again as {name} ({}), rounded", span(basis))?;
    match grace.map(|grace| grace.cmp(&(seconds * SECOND))) {
        Some(std::cmp::Ordering::Less) => writeln!(out, "; more than there is now")?,
        Some(std::cmp::Ordering::Greater) => writeln!(out, "; the present one is enough")?,
        Some(std::cmp::Ordering::Equal) => writeln!(out, "; as it is now")?,
        None => writeln!(out)?,
    }
    if runs < FEW {
        writeln!(out, "{runs} runs are few: percentiles begin to mean something at {FEW}")?;
    }
    Ok(())
}

/// Microseconds, with the digits that matter.
fn span(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..SECOND => format!("{}.{} ms", micros / 1_000, micros / 100 % 10),
        _ => format!("{}.{:02} s", micros / SECOND, micros / 10_000 % 100),
    }
}
