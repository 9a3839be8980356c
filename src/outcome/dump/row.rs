//! Owns the text of a row: of a thread, with the lines below it, and of the head of a scope.
//! Refuses to say what a thread does: `state` does.

use std::fmt;

use crate::outcome::dump::state::write_state;
use crate::outcome::dump::tree::{Row, Tree};
use crate::outcome::pool_status::JobStatus;
use crate::outcome::setting::PriorityStatus;
use crate::outcome::status::{Role, ScopeState, ScopeStatus};
use crate::outcome::words::{Restarts, Span};
use crate::rt::shown::Shown;

/// Writes the row of a thread. `mark` is its id, if threads beside it have the same name.
pub(crate) fn write_thread(
    f: &mut fmt::Formatter<'_>,
    tree: &Tree<'_>,
    row: Row<'_>,
    mark: &str,
    (branch, indent): &(String, String),
) -> fmt::Result {
    let Row { scope, thread, .. } = row;
    let (name, purpose) = (Shown(&thread.name), Shown(&thread.purpose));
    match (thread.role, &thread.process) {
        (Role::Body, _) => write!(f, "{branch}(body)")?,
        (_, Some(process)) => write!(f, "{branch}{name}{mark}  (process: {purpose})  {process}")?,
        (role, None) => write!(f, "{branch}{name}{mark}  ({role}: {purpose})")?,
    }
    if let Some(id) = thread.os_tid {
        write!(f, "  tid {id}")?;
    }
    f.write_str("  ")?;
    match (&thread.job, &thread.note) {
        (Some(job), note) => write_job(f, job, note.as_deref())?,
        (None, Some(note)) => write!(f, "at {}, ", Shown(note))?,
        (None, None) => {}
    }
    write_state(f, tree, row)?;
    let (run, restarts, last_failure) = (thread.run, thread.restarts, thread.last_failure.as_deref());
    write!(f, "{}", Restarts { run, restarts, last_failure })?;
    if thread.failed {
        f.write_str(", failed")?;
    }
    if thread.priority != PriorityStatus::default() {
        write!(f, ", {}", thread.priority)?;
    }
    if let Some(cores) = &thread.cores {
        write!(f, ", {cores}")?;
    }
    match thread.stopping_for {
        Some(since) => write!(f, ", asked to stop {} ago", Span(since))?,
        // The scope stops, and its users are not home yet (E3).
        None if thread.role == Role::Service && scope.state != ScopeState::Open => {
            f.write_str(", not told to stop yet")?;
        }
        None => {}
    }
    writeln!(f)?;
    if let Some(late) = thread.overdue_for {
        writeln!(f, "{indent}OVERDUE for {}", Span(late))?;
    }
    let age = Span(thread.spawned_at.elapsed());
    match thread.role {
        Role::Body | Role::Internal => Ok(()),
        _ => writeln!(f, "{indent}spawned {age} ago at {}", thread.spawned_from),
    }
}

/// Writes the head of a scope.
pub(crate) fn write_head(
    f: &mut fmt::Formatter<'_>,
    scope: &ScopeStatus,
    mark: &str,
    branch: &str,
) -> fmt::Result {
    let group = match (&scope.pool, scope.group) {
        (Some(_), _) => "  (pool)",
        (None, true) => "  (group)",
        (None, false) => "",
    };
    write!(f, "{branch}{}{mark}{group}  [{}", Shown(&scope.path), scope.state)?;
    if let Some(reason) = &scope.stop_reason {
        write!(f, ": {reason}")?;
    }
    f.write_str("]")?;
    if let Some(pool) = &scope.pool {
        write!(f, "  {pool}")?;
    }
    writeln!(f, "  open for {}, from {}", Span(scope.age), scope.opened_from)
}

/// Writes which job a thread runs: `job 812 "a.png" for 40 ms, `.
fn write_job(f: &mut fmt::Formatter<'_>, job: &JobStatus, note: Option<&str>) -> fmt::Result {
    write!(f, "job {}", job.number)?;
    if let Some(note) = note {
        write!(f, " \"{}\"", Shown(note))?;
    }
    write!(f, " for {}, ", Span(job.running_for))
}
