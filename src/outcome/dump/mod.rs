//! Owns the text of a snapshot, as a person reads it in a dump.
//! Refuses to read the tree of scopes: it prints the data of `status`.
//!
//! ```text
//! header   which process, when, why, and what stands out
//! first    deadlocks, threads that are late, threads that wait outside of homebound
//! tree     all others, by scope; threads that are alike in one row
//! outside  threads that are in no scope, and what could not be read
//! ```
//!
//! Read `items` first, then `tree` and `row`.

mod alike;
pub(crate) mod count;
mod cycles;
mod date;
mod first;
mod header;
mod items;
mod outside;
pub(crate) mod row;
mod state;
mod tree;
mod whom;

use std::fmt;

use crate::outcome::dump::alike::Shapes;
use crate::outcome::dump::first::First;
use crate::outcome::dump::header::{write_process, write_verdict};
use crate::outcome::dump::items::Tree;
use crate::outcome::dump::outside::write_outside;
use crate::outcome::report::shutdown::ShutdownReport;
use crate::outcome::report_text;
use crate::outcome::status::snapshot::{ScopeStatus, Snapshot};
use crate::rt::index::Index;

/// A snapshot as text, and the cause for which it was taken.
pub(crate) struct Dump<'a> {
    pub(crate) snapshot: &'a Snapshot,
    /// Why the dump was made, in words.
    pub(crate) cause: &'a str,
    /// In the last words: the report of the shutdown, or `None` if its lock could not be had.
    pub(crate) report: Option<Option<&'a ShutdownReport>>,
}

impl fmt::Display for Dump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Dump { snapshot, cause, report } = *self;
        let tree = Tree::of(snapshot);
        // `First` and the tree use the same shapes, so that both find the same threads alike.
        let shapes = Shapes::of(&tree);
        let first = First::of(&tree, &shapes);
        write_process(f, snapshot, cause)?;
        // In the last words the counts of the report stand above all, because a log may cut the
        // rest.
        match report {
            Some(Some(report)) => writeln!(f, "{}", report_text::Head(report))?,
            Some(None) => writeln!(f, "shutdown: unknown, the root is locked")?,
            None => {}
        }
        write_verdict(f, snapshot, &first)?;
        first.write(f, &tree)?;
        // After `first`, because the tree only names the threads that `first` has written.
        tree.write(f, &shapes, &first.threads)?;
        write_outside(f, snapshot)?;
        // Only in the last words, where no other text will tell how the threads came home.
        match report.flatten() {
            Some(report) => write_home(f, report, &ids_of(&snapshot.root)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Dump { snapshot: self, cause: "a call", report: None })
    }
}

/// Writes the rows of the report for the threads that are in no row of the tree: most of them are
/// home.
fn write_home(f: &mut fmt::Formatter<'_>, report: &ShutdownReport, seen: &Index<()>) -> fmt::Result {
    let rows: Vec<_> = report.threads.iter().filter(|row| !seen.contains(row.id.0)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    f.write_str("home:")?;
    report_text::write_rows(f, &rows, &[], &report.owned)?;
    writeln!(f)
}

/// The ids of all threads in the tree.
fn ids_of(root: &ScopeStatus) -> Index<()> {
    let (mut ids, mut scopes) = (Index::new(), vec![root]);
    while let Some(scope) = scopes.pop() {
        ids.extend(scope.threads.iter().map(|thread| (thread.id.0, ())));
        scopes.extend(&scope.scopes);
    }
    ids
}
