//! Owns the order of the rows of a dump: the tree, with the rails before its lines.
//! Refuses to write a row: `row` does.

use std::collections::HashMap;
use std::fmt;

use crate::outcome::dump::count::by_path;
use crate::outcome::dump::row::{write_head, write_thread};
use crate::outcome::status::{ScopeStatus, Snapshot, ThreadId, ThreadStatus};
use crate::outcome::words::{Twins, rails, with_last};

/// A snapshot that is being written.
pub(crate) struct Tree<'a> {
    pub(crate) snapshot: &'a Snapshot,
    /// All scopes by their paths, to name the members of a scope that a thread waits for.
    pub(crate) by_path: HashMap<&'a str, &'a ScopeStatus>,
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
pub(crate) struct Row<'a> {
    pub(crate) scope: &'a ScopeStatus,
    pub(crate) thread: &'a ThreadStatus,
    pub(crate) inside: Option<&'a ScopeStatus>,
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

impl<'a> Tree<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot) -> Tree<'a> {
        Tree { snapshot, by_path: by_path(&snapshot.root) }
    }

    /// Writes the tree: each thread is followed by the scopes that it opened, and groups come last.
    /// A work list takes the place of recursion, so that depth costs no stack (A5).
    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
                Piece::Thread { row, mark, rails } => write_thread(f, self, row, &mark, &rails)?,
                Piece::Busy { indent } => {
                    writeln!(f, "{indent}└─ (busy: not looked into, or not as a whole)")?
                }
            }
        }
        Ok(())
    }
}
