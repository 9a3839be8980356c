//! Owns the line that a run adds to its history: how long the stop took, and each thread in it.
//! Refuses to write a file.
//!
//! The line is JSON, made by hand, because the feature `serde` may be off. `cargo homebound graces`
//! reads it. A field may be added; none changes its meaning, or `version` does.

use std::cmp::Reverse;
use std::fmt::{self, Write};
use std::time::Duration;

use crate::outcome::report::shutdown::{Ending, ShutdownReport, ThreadReport};
use crate::outcome::together::{hash_of, together};
use crate::outcome::words::pattern;
use crate::rt::order::sort_by_key;
use crate::rt::shown::Shown;

/// Number of threads of a line. Threads whose paths differ in digits only count as one. The slowest
/// are kept, so that a line has 64 KiB at most.
const THREADS: usize = 100;
/// Characters of a text.
const TEXT: usize = 200;

/// What a line says beyond the report.
pub(crate) struct Facts {
    /// Seconds since 1970.
    pub(crate) at: u64,
    pub(crate) pid: u32,
    pub(crate) kill_after: Duration,
    /// The process was ended before all threads were home.
    pub(crate) forced: bool,
}

/// The line, with its line feed.
pub(crate) fn line(report: &ShutdownReport, facts: &Facts) -> String {
    let mut out = String::new();
    let written = write_line(&mut out, report, facts);
    debug_assert!(written.is_ok(), "a string takes all that is written");
    out
}

fn write_line(out: &mut String, report: &ShutdownReport, facts: &Facts) -> fmt::Result {
    let scope = report.scopes.first().map_or("", |top| &*top.path);
    write!(out, "{{\"version\":1,\"at\":{},\"pid\":{},\"scope\":{}", facts.at, facts.pid, Json(scope))?;
    match &report.reason {
        Some(reason) => write!(out, ",\"reason\":{}", Json(&reason.to_string()))?,
        None => out.write_str(",\"reason\":null")?,
    }
    match report.grace {
        Some(grace) => write!(out, ",\"grace_us\":{}", micros(grace))?,
        None => out.write_str(",\"grace_us\":null")?,
    }
    write!(out, ",\"kill_after_us\":{}", micros(facts.kill_after))?;
    write!(out, ",\"took_us\":{}", micros(report.duration))?;
    write!(out, ",\"total\":{},\"timeout\":{}", report.total, report.timeout)?;
    write!(out, ",\"forced\":{},\"threads\":[", facts.forced)?;
    for (place, (path, alike)) in slowest(report).iter().enumerate() {
        out.write_str(if place > 0 { "," } else { "" })?;
        alike.write(out, path)?;
    }
    out.write_str("]}\n")
}

/// Threads whose paths differ in digits only.
struct Alike<'a> {
    threads: usize,
    /// The thread that needed the longest time. A thread that is not home counts as slower than any
    /// thread that is.
    slowest: &'a ThreadReport,
}

/// The threads that were told, the slowest first.
fn slowest(report: &ShutdownReport) -> Vec<(String, Alike<'_>)> {
    // A thread that ended by itself says nothing about the grace that a stop needs.
    let told: Vec<_> = report.threads.iter().filter(|row| row.told.is_some()).collect();
    let mut found = Vec::new();
    for rows in together(told, |row| Some(hash_of(&pattern(&row.path)))) {
        let slowest = rows.iter().copied().max_by_key(|row| rank(row));
        found.extend(slowest.map(|row| (pattern(&row.path), Alike { threads: rows.len(), slowest: row })));
    }
    sort_by_key(&mut found, |(_, alike)| Reverse(rank(alike.slowest)));
    found.truncate(THREADS);
    found
}

fn rank(row: &ThreadReport) -> (bool, Option<Duration>) {
    // True is greater than false, so a thread that is not home comes before all others.
    (row.ended.is_none(), row.after_stop)
}

impl Alike<'_> {
    fn write(&self, out: &mut String, path: &str) -> fmt::Result {
        let Alike { threads, slowest } = self;
        write!(out, "{{\"path\":{},\"threads\":{threads}", Json(path))?;
        match slowest.after_stop.filter(|_| slowest.ended.is_some()) {
            Some(took) => write!(out, ",\"took_us\":{}", micros(took))?,
            // Not home: nobody knows how long it would have taken.
            None => out.write_str(",\"took_us\":null")?,
        }
        write!(out, ",\"overdue\":{}}}", slowest.ending == Ending::Overdue || slowest.overdue.is_some())
    }
}

/// Readers keep these numbers in 64 bits. A longer time stands for "without end", so the greatest
/// number does as well.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Displays a text as a string of JSON, cut to [`TEXT`] characters.
struct Json<'a>(&'a str);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No control character is left after this (A19).
        let shown = Shown(self.0).to_string();
        f.write_char('"')?;
        for c in shown.chars().take(TEXT) {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}
