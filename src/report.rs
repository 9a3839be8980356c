//! Owns what people paste into bug reports: failures and shutdown reports as text.
//! Refuses to know where they came from.

use std::fmt::{self, Write};

use crate::dump::{Span, Twins, rails};
use crate::failure::{Cause, Failure, ScopeError};
use crate::status::{Ending, ShutdownReport, ThreadReport};

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ShutdownReport { total, joined, timeout, orphaned, .. } = self;
        write!(f, "shutdown: {total} total, {joined} joined, timeout: {timeout}, orphaned: ")?;
        match self.foreign.iter().any(|row| row.unknown.is_some()) {
            true => f.write_str("unknown")?,
            false => write!(f, "{orphaned}")?,
        }
        write!(f, ", in {}", Span(self.duration))?;
        if let Some(reason) = &self.reason {
            write!(f, "; {reason}")?;
        }
        if self.repeated {
            f.write_str("; repeated")?;
        }
        let items = self.threads.len() + self.foreign.len();
        let last = |place: usize| place + 1 == items;
        let paths = Twins::among(self.threads.iter().map(|row| &*row.path));
        for (place, row) in self.threads.iter().enumerate() {
            let (branch, below) = rails("", last(place));
            write!(f, "\n{branch}")?;
            write_row(f, row, &paths.mark(&row.path, row.id))?;
            if let Some(waits) = &row.waits {
                write!(f, "\n{below}waits: {waits}")?;
            }
            if row.ending == Ending::Overdue {
                write!(f, "\n{below}spawned at {}", row.spawned_from)?;
            }
        }
        for (place, foreign) in self.foreign.iter().enumerate() {
            let (branch, _) = rails("", last(self.threads.len() + place));
            write!(f, "\n{branch}{foreign}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ThreadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_row(f, self, "")
    }
}

/// `mark` tells it from rows of the same path.
fn write_row(f: &mut fmt::Formatter<'_>, row: &ThreadReport, mark: &str) -> fmt::Result {
    match &row.process {
        Some(process) => write!(f, "{}{mark}  (process: {})  {process}", row.path, row.purpose)?,
        None => write!(f, "{}{mark}  ({}: {})", row.path, row.role, row.purpose)?,
    }
    write!(f, "  {}", row.ending)?;
    match row.after_stop {
        Some(after) => write!(f, " {} after the stop", Span(after)),
        None => Ok(()),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_what(f, self, "")
    }
}

/// Whose failure, and what; `mark` tells it from failures of the same path.
fn write_what(f: &mut dyn Write, failure: &Failure, mark: &str) -> fmt::Result {
    let path = failure.path();
    match failure.cause() {
        Cause::Error(error) => write!(f, "{path}{mark} failed: {error}"),
        Cause::Panic { message, location: Some(place) } => {
            write!(f, "{path}{mark} panicked at {place}: {message}")
        }
        Cause::Panic { message, location: None } => write!(f, "{path}{mark} panicked: {message}"),
    }
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = self.stop_reason() {
            return write!(f, "scope {} was stopped: {reason}", self.path());
        }
        let during = self.during_stop().len();
        let all = self.failures().len() + self.omitted();
        let plural = if all == 1 { "" } else { "s" };
        write!(f, "scope {} failed: {all} failure{plural}", self.path())?;
        if during > 0 {
            write!(f, ", {during} of them during the stop")?;
        }
        let count = self.failures().len();
        let paths = Twins::among(self.failures().iter().map(Failure::path));
        for (place, failure) in self.failures().iter().enumerate() {
            let (branch, below) = rails("", place + 1 == count && self.omitted() == 0);
            let mark = failure.thread_id().map(|id| paths.mark(failure.path(), id)).unwrap_or_default();
            write_failure(f, failure, &mark, self.path(), [&branch, &below])?;
        }
        match self.omitted() {
            0 => Ok(()),
            omitted => write!(f, "\n└─ and {omitted} more"),
        }
    }
}

/// A failure with what it was for and where it was spawned; a scope's error inside it is a tree of its own.
fn write_failure(
    f: &mut fmt::Formatter<'_>,
    failure: &Failure,
    mark: &str,
    scope: &str,
    [branch, below]: [&str; 2],
) -> fmt::Result {
    let mut text = String::new();
    match failure.cause() {
        // Its own body: the path has just been said.
        Cause::Error(error) if failure.path() == scope => write!(text, "its body returned: {error}")?,
        _ => write_what(&mut text, failure, mark)?,
    }
    let mut lines = text.lines();
    write!(f, "\n{branch}{}", lines.next().unwrap_or_default())?;
    for line in lines {
        write!(f, "\n{below}{line}")?;
    }
    let (purpose, at) = (failure.purpose(), failure.spawned_from());
    write!(f, "\n{below}({purpose}; spawned at {at})")
}

impl fmt::Debug for ScopeError {
    /// The tree: it is what `main` prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
