//! Owns the text of failures and shutdown reports, as users paste it into bug reports.
//! Refuses to decide what is in a report: it prints the data of `report` and `failure`.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::outcome::dump::count::count;
use crate::outcome::errors::chain;
use crate::outcome::errors::failure::{Cause, DEEPEST, Failure, JoinError, ScopeError};
use crate::outcome::errors::gave_up::GaveUp;
use crate::outcome::errors::race_error::RaceError;
use crate::outcome::errors::start_error::StartError;
use crate::outcome::report::shutdown::{Ending, ShutdownReport, ThreadReport};
use crate::outcome::report::slowest::Margin;
use crate::outcome::status::outside::ForeignThread;
use crate::outcome::status::snapshot::ScopeStatus;
use crate::outcome::words::{NotReady, Restarts, Span, Thousands, Twins, rails};
use crate::outcome::{marks, waterfall};
use crate::rt::shown::{Level, Lines, Shown};

/// A shutdown that took longer is shown with its waterfall.
const SLOW: Duration = Duration::from_secs(1);

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Head(self))?;
        write_rows(f, &self.threads.iter().collect::<Vec<_>>(), &self.foreign, &self.owned)?;
        if self.duration > SLOW {
            f.write_str("\n")?;
            waterfall::write_below(f, self)?;
        }
        Ok(())
    }
}

/// The first line of a report.
pub(crate) struct Head<'a>(pub(crate) &'a ShutdownReport);

impl fmt::Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // All fields by name, so that the compiler asks where a new one is shown.
        let ShutdownReport {
            total,
            joined,
            timeout,
            away,
            guests,
            orphaned,
            duration,
            // Shown by `Margin`.
            grace: _,
            reason,
            repeated,
            threads: _,
            // Their threads have rows, and the waterfall shows how they belong together.
            scopes: _,
            foreign,
            owned: _,
        } = self.0;
        write!(f, "shutdown: {total} total, {joined} joined, ")?;
        if *away > 0 {
            write!(f, "not home yet: {away}, ")?;
        }
        // `timeout` counts the threads of `away` as well, which are not late.
        write!(f, "timeout: {}, orphaned: ", timeout.saturating_sub(*away))?;
        match foreign.iter().any(|row| row.unknown.is_some()) {
            true => f.write_str("unknown")?,
            false => write!(f, "{orphaned}")?,
        }
        if *guests > 0 {
            write!(f, ", guests: {guests}")?;
        }
        write!(f, ", in {}", Span(*duration))?;
        if let Some(reason) = reason {
            write!(f, "; {reason}")?;
        }
        if *repeated {
            f.write_str("; repeated")?;
        }
        write!(f, "{}", Margin(self.0))
    }
}

/// Writes the rows below the head of a report.
pub(crate) fn write_rows(
    f: &mut fmt::Formatter<'_>,
    threads: &[&ThreadReport],
    foreign: &[ForeignThread],
    owned: &[ScopeStatus],
) -> fmt::Result {
    // One list of branches for all three kinds of rows, so that only the very last gets a
    // corner.
    let items = threads.len() + foreign.len() + owned.len();
    let last = |place: usize| place + 1 == items;
    let paths = Twins::among(&mut threads.iter().map(|row| &*row.path));
    for (place, row) in threads.iter().enumerate() {
        let (branch, below) = rails("", last(place));
        write!(f, "\n{branch}")?;
        write_row(f, row, &paths.mark(&row.path, row.id))?;
        if let Some(since) = row.starting_for {
            write!(f, "\n{below}{}", NotReady(since))?;
        }
        if let Some(waits) = &row.waits {
            write!(f, "\n{below}waits: {}", Shown(waits))?;
        }
        if matches!(row.ending, Ending::Overdue | Ending::NotHome | Ending::NotTold) {
            write!(f, "\n{below}spawned at {}", row.spawned_from)?;
        }
    }
    for (place, row) in foreign.iter().enumerate() {
        let (branch, _) = rails("", last(threads.len() + place));
        write!(f, "\n{branch}{row}")?;
    }
    for (place, group) in owned.iter().enumerate() {
        let (branch, _) = rails("", last(threads.len() + foreign.len() + place));
        let (threads, _) = count(group);
        let plural = if threads == 1 { "" } else { "s" };
        write!(f, "\n{branch}{}  (owned group)  lives on with {threads} thread{plural}", Shown(&group.path))?;
        write!(f, ", opened at {}", group.opened_from)?;
    }
    Ok(())
}
impl fmt::Display for ThreadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_row(f, self, "")
    }
}

/// Writes a row. `mark` is the id, if other rows have the same path; otherwise it is empty.
fn write_row(f: &mut fmt::Formatter<'_>, row: &ThreadReport, mark: &str) -> fmt::Result {
    let (path, purpose) = (Shown(&row.path), Shown(&row.purpose));
    match &row.process {
        Some(process) => write!(f, "{path}{mark}  (process: {purpose})  {process}")?,
        None => write!(f, "{path}{mark}  ({}: {purpose})", row.role)?,
    }
    write!(f, "  {}", row.ending)?;
    if let Some(after) = row.after_stop {
        write!(f, " {} after the stop", Span(after))?;
    }
    let (run, restarts, last_failure) = (row.run, row.restarts, row.last_failure.as_deref());
    write!(f, "{}", Restarts { run, restarts, last_failure })?;
    if row.dropped > 0 { write!(f, ", dropped {}", Thousands(row.dropped)) } else { Ok(()) }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        marks::show();
        write_what(f, self, "", "")
    }
}

/// Writes the path and the cause of a failure. `mark` is the id, if other failures have the same
/// path. If the cause has several lines, each but the first begins with `rail`.
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

/// Stands before the further lines of a text of the program's, so that the text cannot forge a line
/// of the report. The error of a scope needs none, because it prints a tree itself.
const FOREIGN: &str = "| ";

/// Writes the error of a failure by its own `Display`, which writes the errors inside. At the bound
/// ([`DEEPEST`]) only the last error of the chain follows, because it was the first to happen.
fn write_error(
    f: &mut fmt::Formatter<'_>,
    failure: &Failure,
    error: &(dyn Error + Send + Sync + 'static),
    rail: &str,
) -> fmt::Result {
    let level = Level::enter();
    // One level more is for the last error of the chain, which is written at the bound.
    if level.0 > DEEPEST + 1 {
        return f.write_str("(an error that is nested too deep to be shown)");
    }
    let (deeper, last) = failure.last_inside();
    if level.0 == DEEPEST && deeper > 0 {
        write!(f, "({deeper} errors deeper) ")?;
        return write_what(f, last, "", rail);
    }
    // These errors put `FOREIGN` before the lines of the texts inside them themselves.
    let is_ours = error.is::<ScopeError>()
        || error.is::<JoinError>()
        || error.is::<GaveUp>()
        || error.is::<Failure>()
        || error.is::<StartError>()
        || error.is::<RaceError>();
    if is_ours {
        return write!(f, "{}", Lines { text: error, rail });
    }
    // The `Display` of one error may panic, fail or not end. The other failures are shown all the
    // same.
    write!(f, "{}", Lines { text: chain::shown_text(error), rail: &format!("{rail}{FOREIGN}") })
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
        let paths = Twins::among(&mut self.failures().iter().map(Failure::path));
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

/// Writes a failure, and below it the purpose and the place of the spawn.
fn write_failure(
    f: &mut fmt::Formatter<'_>,
    failure: &Failure,
    mark: &str,
    scope: &str,
    [branch, below]: [&str; 2],
) -> fmt::Result {
    write!(f, "\n{branch}")?;
    match failure.cause() {
        // The scope's own body, whose path the first line has shown already.
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
    /// Prints the tree as `Display` does, because `main` prints an error that it returns by
    /// `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
