//! Owns what people paste into bug reports: failures and shutdown reports as text.
//! Refuses to know where they came from.

use std::error::Error;
use std::fmt;

use crate::outcome::failure::{Cause, DEEPEST, Failure, JoinError, ScopeError};
use crate::outcome::marks;
use crate::outcome::report::{Ending, ShutdownReport, ThreadReport};
use crate::outcome::status_text::count;
use crate::outcome::words::{Span, Twins, rails};
use crate::rt::shown::{Level, Lines, Shown};

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ShutdownReport { total, joined, timeout, away, orphaned, .. } = self;
        write!(f, "shutdown: {total} total, {joined} joined, ")?;
        if *away > 0 {
            write!(f, "not home yet: {away}, ")?;
        }
        write!(f, "timeout: {}, orphaned: ", timeout.saturating_sub(*away))?;
        match self.foreign.iter().any(|row| row.unknown.is_some()) {
            true => f.write_str("unknown")?,
            false => write!(f, "{orphaned}")?,
        }
        if self.guests > 0 {
            write!(f, ", guests: {}", self.guests)?;
        }
        write!(f, ", in {}", Span(self.duration))?;
        if let Some(reason) = &self.reason {
            write!(f, "; {reason}")?;
        }
        if self.repeated {
            f.write_str("; repeated")?;
        }
        let items = self.threads.len() + self.foreign.len() + self.owned.len();
        let last = |place: usize| place + 1 == items;
        let paths = Twins::among(self.threads.iter().map(|row| &*row.path));
        for (place, row) in self.threads.iter().enumerate() {
            let (branch, below) = rails("", last(place));
            write!(f, "\n{branch}")?;
            write_row(f, row, &paths.mark(&row.path, row.id))?;
            if let Some(waits) = &row.waits {
                write!(f, "\n{below}waits: {}", Shown(waits))?;
            }
            if matches!(row.ending, Ending::Overdue | Ending::NotHome | Ending::NotTold) {
                write!(f, "\n{below}spawned at {}", row.spawned_from)?;
            }
        }
        for (place, foreign) in self.foreign.iter().enumerate() {
            let (branch, _) = rails("", last(self.threads.len() + place));
            write!(f, "\n{branch}{foreign}")?;
        }
        for (place, group) in self.owned.iter().enumerate() {
            let (branch, _) = rails("", last(self.threads.len() + self.foreign.len() + place));
            let (threads, _) = count(group);
            let plural = if threads == 1 { "" } else { "s" };
            write!(
                f,
                "\n{branch}{}  (owned group)  lives on with {threads} thread{plural}",
                Shown(&group.path)
            )?;
            write!(f, ", opened at {}", group.opened_from)?;
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
    let (path, purpose) = (Shown(&row.path), Shown(&row.purpose));
    match &row.process {
        Some(process) => write!(f, "{path}{mark}  (process: {purpose})  {process}")?,
        None => write!(f, "{path}{mark}  ({}: {purpose})", row.role)?,
    }
    write!(f, "  {}", row.ending)?;
    match row.after_stop {
        Some(after) => write!(f, " {} after the stop", Span(after)),
        None => Ok(()),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        marks::show();
        write_what(f, self, "", "")
    }
}

/// Whose failure, and what; `mark` tells it from failures of the same path. A text of several lines goes on behind `rail`.
fn write_what(f: &mut fmt::Formatter<'_>, failure: &Failure, mark: &str, rail: &str) -> fmt::Result {
    write!(f, "{}{mark} ", Shown(failure.path()))?;
    match failure.cause() {
        Cause::Error(error) => {
            f.write_str("failed: ")?;
            write_error(f, failure, error, rail)
        }
        Cause::Panic { message, location } => {
            f.write_str("panicked")?;
            location.map_or(Ok(()), |place| write!(f, " at {place}"))?;
            write!(f, ": {}", Lines { text: message, rail: &format!("{rail}{FOREIGN}") })
        }
    }
}

/// Stands before the lines of a text that is not ours, so that it forges none of ours. A scope's error is a tree of its own.
const FOREIGN: &str = "| ";

/// The error of a failure, and those inside it, as its own `Display` shows them. At the bound, the last of the chain stands for those
/// between: it is where it began.
fn write_error(
    f: &mut fmt::Formatter<'_>,
    failure: &Failure,
    error: &(dyn Error + Send + Sync + 'static),
    rail: &str,
) -> fmt::Result {
    let level = Level::enter();
    if level.0 > DEEPEST + 1 {
        return f.write_str("(an error that is nested too deep to be shown)");
    }
    let (deeper, last) = failure.last_inside();
    if level.0 == DEEPEST && deeper > 0 {
        write!(f, "({deeper} errors deeper) ")?;
        return write_what(f, last, "", rail);
    }
    let is_ours = error.is::<ScopeError>() || error.is::<JoinError>() || error.is::<Failure>();
    let rail = format!("{rail}{}", if is_ours { "" } else { FOREIGN });
    write!(f, "{}", Lines { text: error, rail: &rail })
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        marks::show();
        if let Some(reason) = self.stop_reason() {
            return write!(f, "scope {} was stopped: {reason}", Shown(self.path()));
        }
        let during = self.during_stop().len();
        let all = self.failures().len() + self.omitted();
        let plural = if all == 1 { "" } else { "s" };
        write!(f, "scope {} failed: {all} failure{plural}", Shown(self.path()))?;
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
    write!(f, "\n{branch}")?;
    match failure.cause() {
        // Its own body: the path has just been said.
        Cause::Error(error) if failure.path() == scope => {
            f.write_str("its body returned: ")?;
            write_error(f, failure, error, below)?;
        }
        _ => write_what(f, failure, mark, below)?,
    }
    let (purpose, at) = (Shown(failure.purpose()), failure.spawned_from());
    write!(f, "\n{below}({purpose}; spawned at {at}")?;
    failure.notes().iter().try_for_each(|note| write!(f, "; {}", Shown(note)))?;
    f.write_str(")")
}

impl fmt::Debug for ScopeError {
    /// The tree: it is what `main` prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
