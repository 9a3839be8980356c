//! Owns the tree that a person reads: a snapshot as text.
//! Refuses to know where it came from.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use crate::status::{
    Ending, ForeignThread, ProcessStatus, Role, ScopeState, ScopeStatus, Snapshot, ThreadState, ThreadStatus,
};

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (threads, scopes) = count(&self.root);
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        write!(f, "homebound: {threads} thread{} in {scopes} scope{}", plural(threads), plural(scopes))?;
        writeln!(f)?;
        write_scope(f, &self.root, "", "", "")?;
        if !self.idle.is_empty() {
            let names: Vec<_> =
                self.idle.iter().map(|idle| format!("{} (tid {})", idle.name, idle.os_tid)).collect();
            writeln!(f, "idle, kept warm: {}", names.join(", "))?;
        }
        self.foreign.iter().try_for_each(|foreign| writeln!(f, "{foreign}"))
    }
}

/// Threads that run user code, and scopes, in the whole tree.
fn count(root: &ScopeStatus) -> (usize, usize) {
    let (mut threads, mut scopes) = (0, 0);
    let mut list = vec![root];
    while let Some(scope) = list.pop() {
        scopes += 1;
        let own = scope.threads.iter().filter(|t| !matches!(t.role, Role::Body | Role::Internal));
        threads += own.count();
        list.extend(&scope.scopes);
    }
    (threads, scopes)
}

/// What more than one row is called: their names do not tell them apart, so their ids have to.
pub(crate) struct Twins<'a>(HashSet<&'a str>);

impl<'a> Twins<'a> {
    pub(crate) fn among(names: impl Iterator<Item = &'a str>) -> Twins<'a> {
        let mut seen = HashMap::new();
        names.for_each(|name| *seen.entry(name).or_insert(0) += 1);
        Twins(seen.into_iter().filter(|(_, rows)| *rows > 1).map(|(name, _)| name).collect())
    }

    /// ` #17` behind a name that is not alone; nothing behind others.
    pub(crate) fn mark(&self, name: &str, id: impl fmt::Display) -> String {
        if self.0.contains(name) { format!(" {id}") } else { String::new() }
    }
}

/// Each thread is followed by the scopes that it opened; groups come last.
fn write_scope(
    f: &mut fmt::Formatter<'_>,
    scope: &ScopeStatus,
    mark: &str,
    branch: &str,
    indent: &str,
) -> fmt::Result {
    let group = if scope.group { "  (group)" } else { "" };
    write!(f, "{branch}{}{mark}{group}  [{}", scope.path, scope.state)?;
    if let Some(reason) = &scope.stop_reason {
        write!(f, ": {reason}")?;
    }
    writeln!(f, "]  open for {}, from {}", Span(scope.age), scope.opened_from)?;
    if scope.busy {
        return writeln!(f, "{indent}└─ (busy: not looked into)");
    }
    let of = |id| scope.scopes.iter().filter(move |inner| inner.opened_by == id);
    let known = |inner: &&ScopeStatus| !scope.threads.iter().any(|t| Some(t.id) == inner.opened_by);
    let loose: Vec<_> = scope.scopes.iter().filter(known).collect();
    let names = Twins::among(scope.threads.iter().map(|thread| &*thread.name));
    let paths = Twins::among(scope.scopes.iter().map(|inner| &*inner.path));
    for (thread, last) in with_last(&scope.threads) {
        let last = last && loose.is_empty();
        let (branch, below) = rails(indent, last);
        let inner: Vec<_> = of(Some(thread.id)).collect();
        write_thread(
            f,
            thread,
            &names.mark(&thread.name, thread.id),
            &branch,
            &format!("{below}{}", if inner.is_empty() { "   " } else { "│  " }),
        )?;
        for (scope, last) in with_last(&inner) {
            let (branch, deeper) = rails(&below, last);
            write_scope(f, scope, &paths.mark(&scope.path, scope.id), &branch, &deeper)?;
        }
    }
    for (inner, last) in with_last(&loose) {
        let (branch, below) = rails(indent, last);
        write_scope(f, inner, &paths.mark(&inner.path, inner.id), &branch, &below)?;
    }
    Ok(())
}

fn write_thread(
    f: &mut fmt::Formatter<'_>,
    thread: &ThreadStatus,
    mark: &str,
    branch: &str,
    indent: &str,
) -> fmt::Result {
    match (thread.role, &thread.process) {
        (Role::Body, _) => write!(f, "{branch}(body)")?,
        (_, Some(process)) => {
            write!(f, "{branch}{}{mark}  (process: {})  {process}", thread.name, thread.purpose)?;
        }
        (role, None) => write!(f, "{branch}{}{mark}  ({role}: {})", thread.name, thread.purpose)?,
    }
    if let Some(id) = thread.os_tid {
        write!(f, "  tid {id}")?;
    }
    writeln!(f, "  {}", Doing(thread))?;
    if let Some(late) = thread.overdue_for {
        write!(f, "{indent}OVERDUE for {}", Span(late))?;
        let kernel = [&thread.kernel_wait, &thread.system_call];
        for text in kernel.into_iter().flatten().filter(|text| !text.is_empty()) {
            write!(f, ", kernel: {text}")?;
        }
        writeln!(f)?;
    }
    let age = Span(thread.spawned_at.elapsed());
    match thread.role {
        Role::Body | Role::Internal => Ok(()),
        _ => writeln!(f, "{indent}spawned {age} ago at {}", thread.spawned_from),
    }
}

/// What a thread does, and whether it was asked to stop.
struct Doing<'a>(&'a ThreadStatus);

impl fmt::Display for Doing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thread = self.0;
        match thread.state {
            ThreadState::Starting => f.write_str("starting")?,
            ThreadState::Running => f.write_str("running")?,
            ThreadState::Ended => f.write_str("ended")?,
            ThreadState::Waiting { what, at } => {
                write!(f, "waits: {what} at {at}")?;
                if let Some(since) = thread.waiting_for {
                    write!(f, " for {}", Span(since))?;
                }
            }
        }
        match thread.stopping_for {
            Some(since) => write!(f, ", asked to stop {} ago", Span(since)),
            None => Ok(()),
        }
    }
}

fn with_last<T>(items: &[T]) -> impl Iterator<Item = (&T, bool)> {
    items.iter().enumerate().map(|(place, item)| (item, place + 1 == items.len()))
}

/// The rail before an item, and before what is below it.
pub(crate) fn rails(indent: &str, last: bool) -> (String, String) {
    let (here, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
    (format!("{indent}{here}"), format!("{indent}{below}"))
}

impl fmt::Display for ForeignThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.unknown {
            return write!(f, "foreign threads: unknown ({why})");
        }
        let since = if self.before { "there before" } else { "not ours" };
        write!(f, "foreign thread {:?}  tid {}  ({since})", self.name, self.os_tid)
    }
}

impl fmt::Display for ProcessStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} `{}`", self.pid, self.command)?;
        self.exit.iter().try_for_each(|exit| write!(f, " {exit}"))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Body => "body",
            Role::Worker => "worker",
            Role::Service => "service",
            Role::Adopted => "adopted",
            Role::Internal => "internal",
        })
    }
}

impl fmt::Display for ScopeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ScopeState::Open => "open",
            ScopeState::Stopping => "stopping",
            ScopeState::Finishing => "finishing",
            ScopeState::Ended => "ended",
        })
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ending::Finished => "finished",
            Ending::Stopped => "stopped",
            Ending::Failed => "failed",
            Ending::Panicked => "panicked",
            Ending::Overdue => "OVERDUE",
        })
    }
}

/// A duration with two or three digits that matter.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0 if self.0 < Duration::from_millis(1) => write!(f, "{} us", self.0.as_micros()),
            0 => write!(f, "{:.1} ms", self.0.as_secs_f64() * 1e3),
            1..60 => write!(f, "{:.2} s", self.0.as_secs_f64()),
            60..3600 => write!(f, "{} min {:02} s", seconds / 60, seconds % 60),
            _ => write!(f, "{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        }
    }
}
