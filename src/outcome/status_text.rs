//! Owns the text of a snapshot: the tree that a person reads.
//! Refuses to read the tree of scopes: it prints the data of `status`.

use std::collections::HashMap;
use std::fmt;

use crate::outcome::pool_status::JobStatus;
use crate::outcome::setting::PriorityStatus;
use crate::outcome::status::{
    Role, ScopeState, ScopeStatus, Snapshot, ThreadId, ThreadState, ThreadStatus, WaitStatus,
};
use crate::outcome::words::{
    ITS_ENDS, ITS_THREADS, Kernel, NotReady, Restarts, Span, Twins, rails, with_last,
};
use crate::rt::shown::Shown;

/// Number of threads that a wait names at most.
const NAMED: usize = 3;

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (threads, scopes) = count(&self.root);
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        write!(f, "homebound: {threads} thread{} in {scopes} scope{}", plural(threads), plural(scopes))?;
        if !self.ending.is_empty() {
            write!(f, ", and {} on the way out", self.ending.len())?;
        }
        writeln!(f)?;
        Tree { snapshot: self, by_path: by_path(&self.root) }.write(f)?;
        self.ending.iter().try_for_each(|ending| writeln!(f, "{ending}"))?;
        if !self.idle.is_empty() {
            let names: Vec<_> =
                self.idle.iter().map(|idle| format!("{} (tid {})", Shown(&idle.name), idle.os_tid)).collect();
            writeln!(f, "idle, kept warm: {}", names.join(", "))?;
        }
        self.foreign.iter().try_for_each(|foreign| writeln!(f, "{foreign}"))?;
        self.limits.iter().try_for_each(|limit| writeln!(f, "not seen: {}", Shown(limit)))
    }
}

/// The number of threads that run code of the program's, and of scopes, in the whole tree.
pub(crate) fn count(root: &ScopeStatus) -> (usize, usize) {
    let (mut threads, mut scopes) = (0, 0);
    let mut list = vec![root];
    while let Some(scope) = list.pop() {
        scopes += 1;
        threads += members(scope).count();
        list.extend(&scope.scopes);
    }
    (threads, scopes)
}

/// True if every scope could be read: no lock was held for long.
pub(crate) fn is_whole(root: &ScopeStatus) -> bool {
    let mut list = vec![root];
    while let Some(scope) = list.pop() {
        if scope.busy {
            return false;
        }
        list.extend(&scope.scopes);
    }
    true
}

/// The threads of a scope that run code of the program's, without the thread of the body.
fn members(scope: &ScopeStatus) -> impl Iterator<Item = &ThreadStatus> {
    scope.threads.iter().filter(|thread| !matches!(thread.role, Role::Body | Role::Internal))
}

/// All scopes of the tree by their paths, to name the members of a scope that a thread waits for.
fn by_path(root: &ScopeStatus) -> HashMap<&str, &ScopeStatus> {
    let (mut found, mut list) = (HashMap::new(), vec![root]);
    while let Some(scope) = list.pop() {
        found.insert(&*scope.path, scope);
        list.extend(&scope.scopes);
    }
    found
}

/// A snapshot that is being written.
struct Tree<'a> {
    snapshot: &'a Snapshot,
    by_path: HashMap<&'a str, &'a ScopeStatus>,
}

/// A part of the text. `mark` is the id of a scope or thread, if others beside it have the same
/// name; `rails` stand before its first line, and before the lines below.
enum Piece<'a> {
    Scope { scope: &'a ScopeStatus, mark: String, rails: (String, String) },
    Thread { row: Row<'a>, mark: String, rails: (String, String) },
    Busy { indent: String },
}

/// A thread in its scope. `inside` is the last scope that the thread has opened, whose body it
/// runs.
#[derive(Clone, Copy)]
struct Row<'a> {
    scope: &'a ScopeStatus,
    thread: &'a ThreadStatus,
    inside: Option<&'a ScopeStatus>,
}

/// Adds the pieces below a scope, from the top to the bottom.
fn add_pieces<'a>(scope: &'a ScopeStatus, indent: &str, list: &mut Vec<Piece<'a>>) {
    let names = Twins::among(scope.threads.iter().map(|thread| &*thread.name));
    let paths = Twins::among(scope.scopes.iter().map(|inner| &*inner.path));
    let piece = |scope: &'a ScopeStatus, rails| Piece::Scope {
        scope,
        mark: paths.mark(&scope.path, scope.id),
        rails,
    };
    let known = scope.threads.iter().map(|thread| (thread.id, Vec::new()));
    let mut opened: HashMap<ThreadId, Vec<&ScopeStatus>> = known.collect();
    // Scopes that no listed thread has opened: groups, and scopes of threads that are gone.
    let mut loose = Vec::new();
    for inner in &scope.scopes {
        match inner.opened_by.and_then(|id| opened.get_mut(&id)) {
            Some(opened) => opened.push(inner),
            None => loose.push(inner),
        }
    }
    for (thread, last) in with_last(&scope.threads) {
        let (branch, below) = rails(indent, last && loose.is_empty() && !scope.busy);
        let inner = opened.remove(&thread.id).unwrap_or_default();
        let rail = format!("{below}{}", if inner.is_empty() { "   " } else { "│  " });
        list.push(Piece::Thread {
            row: Row { scope, thread, inside: inner.last().copied() },
            mark: names.mark(&thread.name, thread.id),
            rails: (branch, rail),
        });
        list.extend(with_last(&inner).map(|(inner, last)| piece(inner, rails(&below, last))));
    }
    list.extend(with_last(&loose).map(|(inner, last)| piece(inner, rails(indent, last && !scope.busy))));
    if scope.busy {
        list.push(Piece::Busy { indent: indent.to_owned() });
    }
}

impl Tree<'_> {
    /// Writes the tree: each thread is followed by the scopes that it opened, and groups come last.
    /// A work list takes the place of recursion, so that depth costs no stack (A5).
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list =
            vec![Piece::Scope { scope: &self.snapshot.root, mark: String::new(), rails: <_>::default() }];
        while let Some(piece) = list.pop() {
            match piece {
                Piece::Scope { scope, mark, rails: (branch, indent) } => {
                    write_head(f, scope, &mark, &branch)?;
                    // Reversed, because the list is emptied from its end.
                    let first = list.len();
                    add_pieces(scope, &indent, &mut list);
                    list.get_mut(first..).unwrap_or_default().reverse();
                }
                Piece::Thread { row, mark, rails } => self.write_thread(f, row, &mark, &rails)?,
                Piece::Busy { indent } => {
                    writeln!(f, "{indent}└─ (busy: not looked into, or not as a whole)")?
                }
            }
        }
        Ok(())
    }

    fn write_thread(
        &self,
        f: &mut fmt::Formatter<'_>,
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
        self.write_state(f, row)?;
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

    /// Writes the state of a thread. If the thread is in no wait of homebound's, the kernel says
    /// what it does, if the kernel was asked.
    fn write_state(&self, f: &mut fmt::Formatter<'_>, row: Row<'_>) -> fmt::Result {
        let Row { scope, thread, inside } = row;
        match (thread.state, thread.starting_for) {
            (ThreadState::Ended, _) => return f.write_str("ended"),
            (ThreadState::Starting, None) => return f.write_str("starting"),
            // What the thread does meanwhile follows.
            (ThreadState::Starting, Some(since)) => write!(f, "{}, ", NotReady(since))?,
            (ThreadState::Down, _) if thread.wait.is_none() => return f.write_str("down"),
            // What its supervisor waits for before the next run follows.
            (ThreadState::Down, _) => f.write_str("down, ")?,
            (ThreadState::Running | ThreadState::Waiting { .. }, _) => {}
        }
        let kernel = Kernel(thread.run_state, thread.kernel.as_ref());
        let Some(WaitStatus { what, at }) = thread.wait else {
            // No wait of homebound's: the thread runs the body of the last scope that it opened, or
            // the kernel knows what it does.
            return match inside {
                Some(inner) => write!(f, "runs the body of {}", Shown(&inner.path)),
                None => write!(f, "{kernel}"),
            };
        };
        write!(f, "waits: {}", Shown(what))?;
        self.write_whom(f, scope, thread, what)?;
        if let Some(left) = thread.pause_left {
            write!(f, " {}, {} left", thread.run + 1, Span(left))?;
        }
        // The wait of an internal thread is at a line of homebound's, which tells a reader nothing.
        if thread.role != Role::Internal {
            write!(f, " at {at}")?;
        }
        if let Some(since) = thread.waiting_for {
            write!(f, " for {}", Span(since))?;
        }
        // Most waits of ours are a futex in the kernel, which adds nothing to the wait.
        let call = thread.kernel.as_ref().and_then(|kernel| kernel.call.as_deref());
        if call.is_some_and(|call| call != "futex") { write!(f, ", {kernel}") } else { Ok(()) }
    }

    /// Writes which thread or scope a wait is for, and the members that a scope still waits for.
    fn write_whom(
        &self,
        f: &mut fmt::Formatter<'_>,
        scope: &ScopeStatus,
        thread: &ThreadStatus,
        what: &str,
    ) -> fmt::Result {
        if what == ITS_ENDS {
            return write_names(f, self.snapshot.ending.iter().map(|ending| &*ending.name));
        }
        if let Some(count) = thread.waits_for_first_of {
            return write!(f, " of {count} threads");
        }
        let Some(edge) = thread.waits_for.first() else { return Ok(()) };
        // A join: of one thread, whose path says all.
        if edge.thread.is_some() {
            return write!(f, " of {}", Shown(&edge.path));
        }
        // A body that waits for the threads of its own scope: the row stands below that scope's
        // name already.
        if what != ITS_THREADS {
            write!(f, " {}", Shown(&edge.path))?;
        }
        let target = if scope.path == edge.path { Some(&scope) } else { self.by_path.get(&*edge.path) };
        let Some(target) = target else { return Ok(()) };
        // The scope waits for its members, and for its groups as for services.
        let groups = target.scopes.iter().filter(|inner| inner.group).map(|group| &*group.name);
        write_names(f, members(target).map(|thread| &*thread.name).chain(groups))
    }
}

fn write_head(f: &mut fmt::Formatter<'_>, scope: &ScopeStatus, mark: &str, branch: &str) -> fmt::Result {
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

/// Writes the number of names, and the first [`NAMED`] of them.
fn write_names<'a>(f: &mut fmt::Formatter<'_>, names: impl Iterator<Item = &'a str>) -> fmt::Result {
    let (mut first, mut count) = (Vec::new(), 0_usize);
    for name in names {
        count += 1;
        if first.len() < NAMED {
            first.push(Shown(name).to_string());
        }
    }
    let more = if count > NAMED { ", .." } else { "" };
    if count == 0 { Ok(()) } else { write!(f, " ({count}: {}{more})", first.join(", ")) }
}
