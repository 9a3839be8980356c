//! Owns the books of a run: every picture that is found ends in exactly one column, and every
//! problem is written down.
//! Refuses to know how a picture is made, or where the books are shown.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{
    AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Instant;

use parking_lot::Mutex;

use crate::text::{count, one_line, shown};

/// Problems of the disk that are reported at once. Further ones are reported at the end.
const TOLD_AT_ONCE: usize = 3;

pub struct Tally {
    started: Instant,
    found: AtomicUsize,
    made: AtomicUsize,
    failed: AtomicUsize,
    dropped: AtomicUsize,
    /// Files that are no pictures.
    pub ignored: AtomicUsize,
    /// Stages that made no progress for too long.
    pub stalls: AtomicUsize,
    /// Child processes that no scope and no thread looks after.
    pub strays: AtomicUsize,
    pub strays_ended: AtomicUsize,
    problems: Mutex<Problems>,
    interrupted: OnceLock<String>,
}

#[derive(Default)]
struct Problems {
    all: Vec<Problem>,
    untold: Vec<Problem>,
    /// The number of problems of each reason that is the disk's.
    alike: HashMap<String, usize>,
}

/// One line of bad news.
#[derive(Debug, Clone)]
pub struct Problem {
    pub about: String,
    pub reason: String,
    /// True for a fault of the folder of results, which may well hit every picture alike.
    pub output: bool,
}

impl Problem {
    /// The file in the folder is bad.
    pub fn input(path: &Path, reason: impl ToString) -> Self {
        Problem { about: shown(path), reason: one_line(&reason.to_string()), output: false }
    }

    /// The picture is good, the place for its result is not.
    pub fn output(path: &Path, reason: impl ToString) -> Self {
        let reason = format!("cannot write the result: {}", reason.to_string());
        Problem { output: true, ..Problem::input(path, reason) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about, self.reason)
    }
}

/// The columns at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub found: usize,
    pub made: usize,
    pub failed: usize,
    pub dropped: usize,
}

impl Counts {
    pub fn settled(&self) -> usize {
        self.made + self.failed + self.dropped
    }
}

/// A picture's place in the books, from the moment when it is found.
///
/// If the ticket is dropped, the picture counts as dropped. So no path forgets to count: a queue
/// that is torn down with the ticket inside, a send that a stop refused, a panic.
pub struct Ticket<'a> {
    tally: &'a Tally,
    /// The column that counts the picture when the ticket is dropped.
    column: &'a AtomicUsize,
    reopened: bool,
}

impl Ticket<'_> {
    pub fn made(mut self) {
        self.column = &self.tally.made;
    }

    pub fn failed(mut self) {
        self.column = &self.tally.failed;
    }

    /// True if the picture was reported as bad and is tried once more.
    pub fn reopened(&self) -> bool {
        self.reopened
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.column.fetch_add(1, Release);
    }
}

impl Tally {
    pub fn new() -> Self {
        Tally {
            started: Instant::now(),
            found: AtomicUsize::new(0),
            made: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            ignored: AtomicUsize::new(0),
            stalls: AtomicUsize::new(0),
            strays: AtomicUsize::new(0),
            strays_ended: AtomicUsize::new(0),
            problems: Mutex::default(),
            interrupted: OnceLock::new(),
        }
    }

    pub fn ticket(&self) -> Ticket<'_> {
        self.found.fetch_add(1, Relaxed);
        Ticket { tally: self, column: &self.dropped, reopened: false }
    }

    /// A picture that failed with this problem is tried once more. Neither counts until that is
    /// over.
    pub fn reopen(&self, problem: &Problem) -> Ticket<'_> {
        self.problems.lock().all.retain(|old| old.about != problem.about);
        self.failed.fetch_sub(1, Release);
        Ticket { tally: self, column: &self.dropped, reopened: true }
    }

    /// Writes a problem down. Returns true if it should be reported at once.
    pub fn problem(&self, problem: Problem) -> bool {
        let mut problems = self.problems.lock();
        let mut untold = false;
        if problem.output {
            let alike = problems.alike.entry(problem.reason.clone()).or_default();
            *alike += 1;
            untold = *alike > TOLD_AT_ONCE;
        }
        if untold {
            problems.untold.push(problem.clone());
        }
        problems.all.push(problem);
        !untold
    }

    pub fn problems(&self) -> Vec<Problem> {
        self.problems.lock().all.clone()
    }

    /// Problems that were written down and not reported, for a caller that needs all of them.
    pub fn take_untold(&self) -> Vec<Problem> {
        std::mem::take(&mut self.problems.lock().untold)
    }

    pub fn interrupt(&self, why: String) {
        // Only the first reason counts.
        let _ = self.interrupted.set(why);
    }

    pub fn counts(&self) -> Counts {
        // `found` is read after the columns that it led to, so that no moment shows more settled
        // pictures than found ones.
        let [made, failed, dropped] =
            [&self.made, &self.failed, &self.dropped].map(|column| column.load(Acquire));
        Counts { found: self.found.load(Relaxed), made, failed, dropped }
    }
}

/// The summary.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        match self.interrupted.get() {
            Some(why) => writeln!(f, "Interrupted: {why}. The results hold what was finished.")?,
            None => writeln!(f, "Done.")?,
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let problems = self.problems.lock().all.len();
        let ignored = self.ignored.load(Relaxed);
        writeln!(f, "  found:      {}", count(counts.found, "picture"))?;
        writeln!(f, "  thumbnails: {}", counts.made)?;
        writeln!(f, "  failed:     {}", counts.failed)?;
        writeln!(f, "  dropped:    {}", counts.dropped)?;
        writeln!(f, "  ignored:    {}", count(ignored, "other file"))?;
        writeln!(f, "  problems:   {problems}")?;
        writeln!(f, "  stalls:     {}", self.stalls.load(Relaxed))?;
        let (strays, ended) = (self.strays.load(Relaxed), self.strays_ended.load(Relaxed));
        writeln!(f, "  strays:     {strays} found, {ended} ended")?;
        write!(f, "  time:       {seconds:.1} s, {:.0} per second", counts.made as f64 / seconds)
    }
}
