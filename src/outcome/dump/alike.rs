//! Owns which rows of a dump are alike, and the rows that stand for many of them.
//! Refuses to decide where such a row stands: `tree` and `first` do.
//!
//! Rows are alike if they would read the same but for names, ids and times. A thread that has
//! opened scopes has them in its *shape*, which is a hash: two threads are alike if they and
//! all below them are.

use std::fmt;
use std::time::Duration;

use crate::outcome::dump::items::{Item, Row, Tree, items_of};
use crate::outcome::dump::row::{stack_line, write_kind, write_scope, write_stack};
use crate::outcome::dump::state::{Detail, Doing};
use crate::outcome::status::snapshot::{ScopeStatus, ThreadStatus};
use crate::outcome::together::hash_of;
use crate::outcome::words::{Span, Thousands, Twins};
use crate::rt::index::Index;
use crate::rt::order::sort_by_key;
use crate::rt::shown::Shown;

/// So many rows that are alike become one.
pub(crate) const MANY: usize = 4;
/// Number of names up to which a row that stands for many has all of them.
const NAMED: usize = 8;
/// In a scope with more threads than this, threads are alike although their purposes differ.
const CROWD: usize = 64;

/// The shapes of all rows of a snapshot.
#[derive(Default)]
pub(crate) struct Shapes {
    threads: Index<u64>,
    scopes: Index<u64>,
}

impl Shapes {
    pub(crate) fn of(tree: &Tree<'_>) -> Shapes {
        let mut shapes = Shapes::default();
        shapes.add_scope(tree, &tree.snapshot.root);
        shapes
    }

    /// Recurs as deep as the data of a snapshot is nested, which is bounded (A5).
    fn add_scope(&mut self, tree: &Tree<'_>, scope: &ScopeStatus) -> u64 {
        // In a crowd the purpose may name the single peer or file, and would keep all rows apart.
        let is_crowd = scope.threads.len() > CROWD;
        let mut below: Vec<u64> = Vec::new();
        for item in items_of(scope) {
            below.push(match item {
                Item::Scope(inner) => self.add_scope(tree, inner),
                Item::Thread(row, inner) => {
                    let inner: Vec<_> = inner.iter().map(|inner| self.add_scope(tree, inner)).collect();
                    let shape = thread_shape(tree, row, is_crowd, &inner);
                    self.threads.insert(row.thread.id.0, shape);
                    shape
                }
            });
        }
        // The order in which the members were made tells no scopes apart.
        sort_by_key(&mut below, |shape| *shape);
        let shape = hash_of(&(Brief(scope).to_string(), scope.depth, scope.busy, below));
        self.scopes.insert(scope.id.0, shape);
        shape
    }

    pub(crate) fn thread(&self, thread: &ThreadStatus) -> Option<u64> {
        self.threads.get(thread.id.0).copied()
    }

    pub(crate) fn item(&self, item: &Item<'_>) -> Option<u64> {
        match item {
            Item::Thread(row, _) => self.thread(row.thread),
            Item::Scope(scope) => self.scopes.get(scope.id.0).copied(),
        }
    }
}

fn thread_shape(tree: &Tree<'_>, row: Row<'_>, is_crowd: bool, inner: &[u64]) -> u64 {
    let thread = row.thread;
    // The text of the row itself, so that the shape differs wherever the shown row would.
    let doing = Doing { tree, row, detail: Detail::Alike }.to_string();
    let purpose = Some(&thread.purpose).filter(|_| !is_crowd);
    // As far as it is shown: the row of many has the stack of the first.
    let stack = stack_line(tree, thread);
    // A child process is told by its command, and rows of two are never one.
    let process = thread.process.as_ref().map(|process| process.pid);
    hash_of(&(doing, thread.role, thread.spawned_from, inner, purpose, stack, process))
}

/// A scope without its name and times.
struct Brief<'a>(&'a ScopeStatus);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scope(f, self.0, Detail::Alike)
    }
}

/// Writes one row for threads that are alike: `9,998 alike: recv at src/app.rs:41:20 for 1.20 to
/// 3.40 s  (worker: handles a peer)`, and their names in a line below.
pub(crate) fn write_threads(
    f: &mut fmt::Formatter<'_>,
    tree: &Tree<'_>,
    rows: &[Row<'_>],
    branch: &str,
    indent: &str,
) -> fmt::Result {
    let Some(row) = rows.first().copied() else { return Ok(()) };
    let doing = Doing { tree, row, detail: Detail::Alike };
    write!(f, "{branch}{} alike: {doing}", Thousands(rows.len() as u64))?;
    let times = |of: fn(&ThreadStatus) -> Option<Duration>| rows.iter().filter_map(move |row| of(row.thread));
    if let Some(since) = Times::of(times(|thread| thread.waiting_for)) {
        write!(f, ", for {since}")?;
    }
    if let Some(since) = Times::of(times(|thread| thread.stopping_for)) {
        write!(f, ", told {since} ago")?;
    }
    write_kind(f, row.thread)?;
    // The purposes of a crowd may differ: see `CROWD`.
    if rows.iter().any(|other| other.thread.purpose != row.thread.purpose) {
        f.write_str(" and the like")?;
    }
    write!(f, "\n{indent}")?;
    let names = Twins::among(&mut rows.iter().map(|row| &*row.thread.name));
    let name = |row: &Row<'_>| {
        let id = row.thread.os_tid.map(|id| format!(" ({id})")).unwrap_or_default();
        format!("{}{}{id}", Shown(&row.thread.name), names.mark(&row.thread.name, row.thread.id))
    };
    write_names(f, rows, name)?;
    writeln!(f, "; spawned at {}", row.thread.spawned_from)?;
    write_stack(f, tree, row.thread, indent)
}

/// The same for scopes: `12 alike  (group)  [open]  from src/app.rs:10:5`.
pub(crate) fn write_scopes(
    f: &mut fmt::Formatter<'_>,
    scopes: &[&ScopeStatus],
    branch: &str,
    indent: &str,
) -> fmt::Result {
    let Some(scope) = scopes.first() else { return Ok(()) };
    write!(f, "{branch}{} scopes alike{}\n{indent}", Thousands(scopes.len() as u64), Brief(scope))?;
    let paths = Twins::among(&mut scopes.iter().map(|scope| &*scope.path));
    write_names(f, scopes, |scope| format!("{}{}", Shown(&scope.path), paths.mark(&scope.path, scope.id)))?;
    f.write_str("; below, the first of them\n")
}

/// Writes the names of all rows, or, of many, of the first three and the last.
pub(crate) fn write_names<T>(
    f: &mut fmt::Formatter<'_>,
    rows: &[T],
    name: impl Fn(&T) -> String,
) -> fmt::Result {
    match rows {
        [first @ .., last] if rows.len() > NAMED => {
            first.iter().take(3).try_for_each(|row| write!(f, "{}, ", name(row)))?;
            write!(f, ".. {}", name(last))
        }
        rows => write!(f, "{}", rows.iter().map(name).collect::<Vec<_>>().join(", ")),
    }
}

/// The shortest and the longest of several times.
struct Times(Duration, Duration);

impl Times {
    fn of(times: impl Iterator<Item = Duration>) -> Option<Times> {
        times.fold(None, |range, time| match range {
            None => Some(Times(time, time)),
            Some(Times(least, most)) => Some(Times(least.min(time), most.max(time))),
        })
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (Span(self.0).to_string(), Span(self.1).to_string());
        if least == most { f.write_str(&least) } else { write!(f, "{least} to {most}") }
    }
}
