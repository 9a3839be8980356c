//! Owns the text of a row: of a thread, with the lines below it, and of the head of a scope.
//! Refuses to say what a thread does: `state` does.

use std::fmt;

use crate::outcome::dump::items::{Row, Tree, is_caller};
use crate::outcome::dump::state::{Detail, Doing};
use crate::outcome::status::labels::Failing;
use crate::outcome::status::pool_status::JobStatus;
use crate::outcome::status::setting::PriorityStatus;
use crate::outcome::status::snapshot::{Role, ScopeState, ScopeStatus, ThreadStatus};
use crate::outcome::status::stack::Callers;
use crate::outcome::words::{DROP_OF, ITS_CALLBACK, Restarts, Span};
use crate::rt::shown::Shown;

/// Number of callers that the row of a thread above the tree names, because its reader wants to
/// know the way into the function that does not end. A row in the tree names none.
pub(crate) const CALLERS: usize = 6;

/// Writes the row of a thread. `title` is what the row begins with, the rails included; `indent`
/// stands before the lines below. `callers`: how many of them the row names.
pub(crate) fn write_thread(
    f: &mut fmt::Formatter<'_>,
    tree: &Tree<'_>,
    row: Row<'_>,
    (title, indent): (&str, &str),
    callers: usize,
) -> fmt::Result {
    let thread = row.thread;
    write_head(f, tree, row, title)?;
    write_stack(f, tree, thread, indent)?;
    // A wait of homebound's names its line, and not the way to it.
    let is_shown = callers > 0 && runs_own_code(thread) && !is_caller(thread);
    let callers = thread.stack.as_ref().filter(|_| is_shown).map(|stack| stack.callers(callers));
    if let Some(callers) = callers.filter(Callers::are_known) {
        writeln!(f, "{indent}called by {callers}")?;
    }
    write_origin(f, tree, thread, indent)
}

fn write_head(f: &mut fmt::Formatter<'_>, tree: &Tree<'_>, row: Row<'_>, title: &str) -> fmt::Result {
    let thread = row.thread;
    write!(f, "{title}")?;
    write_kind(f, thread)?;
    if let Some(id) = thread.os_tid {
        write!(f, "  tid {id}")?;
    }
    writeln!(f, "  {}", Doing { tree, row, detail: Detail::All })
}

/// Writes where the thread comes from, and its age.
fn write_origin(
    f: &mut fmt::Formatter<'_>,
    tree: &Tree<'_>,
    thread: &ThreadStatus,
    indent: &str,
) -> fmt::Result {
    // As of the moment of the snapshot, as the uptime in the header is: the text is made later.
    let since_then = tree.snapshot.taken_at.elapsed().unwrap_or_default();
    let age = Span(thread.spawned_at.elapsed().saturating_sub(since_then));
    match thread.role {
        Role::Body | Role::Internal => Ok(()),
        _ => writeln!(f, "{indent}spawned {age} ago at {}", thread.spawned_from),
    }
}

/// Writes the line of [`stack_line`], if there is one.
pub(crate) fn write_stack(
    f: &mut fmt::Formatter<'_>,
    tree: &Tree<'_>,
    thread: &ThreadStatus,
    indent: &str,
) -> fmt::Result {
    stack_line(tree, thread).map_or(Ok(()), |line| writeln!(f, "{indent}{line}"))
}

/// The stack of a thread, or why there is none. A wait of homebound's names its line, so a stack
/// would only add the functions of homebound. A reason that holds for the process stands below the
/// tree, once.
pub(crate) fn stack_line(tree: &Tree<'_>, thread: &ThreadStatus) -> Option<String> {
    // The prefix is written by `sight::stacks` for reasons that hold for all threads.
    let mut limits = tree.snapshot.limits.iter();
    let mut is_limit = |why: &str| limits.any(|limit| limit.strip_prefix("stacks: ") == Some(why));
    match (&thread.stack, &thread.no_stack) {
        _ if !has_stack(thread) => None,
        (Some(stack), _) => Some(stack.to_string()),
        (None, Some(why)) if is_limit(why) => None,
        (None, Some(why)) => Some(format!("no stack: {}", Shown(why))),
        (None, None) => None,
    }
}

fn has_stack(thread: &ThreadStatus) -> bool {
    wants_stack(thread) && !is_caller(thread)
}

/// True if the stack of the thread says more than its row.
pub(crate) fn wants_stack(thread: &ThreadStatus) -> bool {
    // An overdue thread is in trouble, so its stack is worth a line also in a wait of ours.
    let says_more = !says_its_line(thread) || thread.overdue_for.is_some();
    says_more && runs_own_code(thread)
}

/// False for a thread that runs homebound's code alone.
pub(crate) fn runs_own_code(thread: &ThreadStatus) -> bool {
    thread.role != Role::Internal || thread.call.is_some()
}

/// True if the thread is in a wait that names its line. Every wait does, except a drop.
pub(crate) fn says_its_line(thread: &ThreadStatus) -> bool {
    thread.wait.is_some_and(|wait| !matches!(wait.what, DROP_OF | ITS_CALLBACK))
}

/// Writes what a thread is, and what it is for: `  (worker: adds numbers)`.
pub(crate) fn write_kind(f: &mut fmt::Formatter<'_>, thread: &ThreadStatus) -> fmt::Result {
    let purpose = Shown(&thread.purpose);
    match (thread.role, &thread.process) {
        (Role::Body, _) => Ok(()),
        (_, Some(process)) => write!(f, "  (process: {purpose})  {process}"),
        (role, None) => write!(f, "  ({role}: {purpose})"),
    }
}

impl fmt::Display for Doing<'_, '_> {
    /// What the thread is at, its state, and what else a reader has to know about it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Doing { row: Row { scope, thread, .. }, detail, .. } = *self;
        let is_all = detail == Detail::All;
        match (&thread.job, &thread.note) {
            // The number of the job and the note would keep threads of one pool apart.
            (Some(_), _) if !is_all => f.write_str("a job, ")?,
            (Some(job), note) => write_job(f, job, note.as_deref())?,
            (None, Some(note)) if is_all => write!(f, "at {}, ", Shown(note))?,
            (None, _) => {}
        }
        match &thread.call {
            Some(call) if is_all => write!(f, "in a {} for {}, ", Shown(&call.what), Span(call.running_for))?,
            Some(call) => write!(f, "in a {}, ", Shown(&call.what))?,
            None => {}
        }
        self.write_state(f)?;
        if is_all {
            write!(f, "{}", Failing(thread))?;
        }
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
        match &thread.alarm {
            Some(alarm) if is_all => write!(f, ", {alarm}")?,
            // `{:#}` leaves out the time, which differs from thread to thread.
            Some(alarm) => write!(f, ", {alarm:#}")?,
            None => {}
        }
        match thread.stopping_for {
            Some(since) if is_all => write!(f, ", asked to stop {} ago", Span(since))?,
            Some(_) => f.write_str(", asked to stop")?,
            // The scope stops, and its users are not home yet (E3).
            None if thread.role == Role::Service && scope.state != ScopeState::Open => {
                f.write_str(", not told to stop yet")?;
            }
            None => {}
        }
        match thread.overdue_for {
            Some(late) if is_all => write!(f, ", OVERDUE for {}", Span(late)),
            Some(_) => f.write_str(", OVERDUE"),
            None => Ok(()),
        }
    }
}

/// Writes the head of a scope, behind the rails and the path.
pub(crate) fn write_scope(f: &mut fmt::Formatter<'_>, scope: &ScopeStatus, detail: Detail) -> fmt::Result {
    let group = match (&scope.pool, scope.group) {
        (Some(_), _) => "  (pool)",
        (None, true) => "  (group)",
        (None, false) => "",
    };
    write!(f, "{group}  [{}", scope.state)?;
    if let Some(reason) = &scope.stop_reason {
        write!(f, ": {reason}")?;
    }
    f.write_str("]")?;
    if let Some(pool) = scope.pool.as_ref().filter(|_| detail == Detail::All) {
        write!(f, "  {pool}")?;
    }
    match detail {
        Detail::All => write!(f, "  open for {}, from {}", Span(scope.age), scope.opened_from),
        Detail::Alike => write!(f, "  from {}", scope.opened_from),
    }
}

/// Writes which job a thread runs: `job 812 "a.png" for 40 ms, `.
fn write_job(f: &mut fmt::Formatter<'_>, job: &JobStatus, note: Option<&str>) -> fmt::Result {
    write!(f, "job {}", job.number)?;
    if let Some(note) = note {
        write!(f, " \"{}\"", Shown(note))?;
    }
    write!(f, " for {}, ", Span(job.running_for))
}
