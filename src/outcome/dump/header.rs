//! Owns the first lines of a dump: which process, when, why; and what a reader finds below.
//! Refuses to look for trouble: `first` does.

use std::fmt;

use crate::outcome::dump::count::{count, is_whole};
use crate::outcome::dump::date::Date;
use crate::outcome::dump::first::First;
use crate::outcome::status::snapshot::{ScopeState, ScopeStatus, Snapshot};
use crate::outcome::words::{Span, Thousands};
use crate::rt::shown::Shown;

/// Writes the process, the date, and the cause of the dump.
pub(crate) fn write_process(f: &mut fmt::Formatter<'_>, snapshot: &Snapshot, cause: &str) -> fmt::Result {
    let process = &snapshot.process;
    write!(f, "homebound: {cause}; {}, {}", Date(snapshot.taken_at), Shown(&snapshot.root.name))?;
    write!(f, ", pid {}", process.pid)?;
    if !process.program.is_empty() {
        write!(f, ", {}", Shown(&process.program))?;
    }
    if let Some(uptime) = process.uptime {
        write!(f, ", up {}", Span(uptime))?;
    }
    writeln!(f, ", homebound {}", env!("CARGO_PKG_VERSION"))
}

/// Writes how many threads there are, what the rows above the tree come to, and what the program
/// says about itself.
pub(crate) fn write_verdict(
    f: &mut fmt::Formatter<'_>,
    snapshot: &Snapshot,
    first: &First<'_>,
) -> fmt::Result {
    let (threads, scopes) = count(&snapshot.root);
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let (many, more) = (Thousands(threads as u64), Thousands(scopes as u64));
    write!(f, "homebound: {many} thread{} in {more} scope{}", plural(threads), plural(scopes))?;
    if !snapshot.ending.is_empty() {
        write!(f, ", and {} on the way out", snapshot.ending.len())?;
    }
    write!(f, ": {first}")?;
    if !is_whole(&snapshot.root) {
        f.write_str("; not all of them could be looked at")?;
    }
    writeln!(f)?;
    snapshot.status.iter().try_for_each(|status| writeln!(f, "status: {}", Shown(status)))?;
    write_stop(f, &snapshot.root)
}

/// Writes since when, and why, the root is being stopped.
fn write_stop(f: &mut fmt::Formatter<'_>, root: &ScopeStatus) -> fmt::Result {
    let Some(reason) = root.stop_reason.as_ref().filter(|_| root.state != ScopeState::Ended) else {
        return Ok(());
    };
    // `ScopeStatus` has no time of the stop, so take the time of the thread that was told first.
    let since = root.threads.iter().filter_map(|thread| thread.stopping_for).max();
    write!(f, "stopping: {reason}")?;
    since.iter().try_for_each(|since| write!(f, ", {} ago", Span(*since)))?;
    writeln!(f)
}
