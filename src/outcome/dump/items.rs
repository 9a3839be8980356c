//! Owns what a dump is written from: the snapshot, its rows, and what stands below a scope.
//! Refuses to write: `tree` does, and the files that it uses.

use crate::outcome::dump::count::ByPath;
use crate::outcome::status::kernel::RunState;
use crate::outcome::status::snapshot::{ScopeStatus, Snapshot, ThreadStatus};
use crate::rt::index::Index;

/// A snapshot that is being written.
pub(crate) struct Tree<'a> {
    pub(crate) snapshot: &'a Snapshot,
    /// All scopes by their paths, to name the members of a scope that a thread waits for.
    pub(crate) by_path: ByPath<'a>,
}

impl<'a> Tree<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot) -> Tree<'a> {
        Tree { snapshot, by_path: ByPath::of(&snapshot.root) }
    }
}

/// A thread in its scope. `inside` is the last scope that the thread has opened, whose body it
/// runs.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) scope: &'a ScopeStatus,
    pub(crate) thread: &'a ThreadStatus,
    pub(crate) inside: Option<&'a ScopeStatus>,
}

/// What stands directly below a scope: a thread with the scopes that it has opened, or a scope that
/// no listed thread has opened.
pub(crate) enum Item<'a> {
    Thread(Row<'a>, Vec<&'a ScopeStatus>),
    Scope(&'a ScopeStatus),
}

/// What stands directly below a scope, in its order: first threads, then groups, and scopes of
/// threads that are gone.
pub(crate) fn items_of(scope: &ScopeStatus) -> Vec<Item<'_>> {
    let known = scope.threads.iter().map(|thread| (thread.id.0, Vec::new()));
    let mut opened: Index<Vec<&ScopeStatus>> = known.collect();
    let mut loose = Vec::new();
    for inner in &scope.scopes {
        // A group has no opener. The opener of a scope may have ended, or stand in another scope,
        // because a snapshot lists deep scopes beside each other (A5).
        match inner.opened_by.and_then(|id| opened.get_mut(id.0)) {
            Some(opened) => opened.push(inner),
            None => loose.push(Item::Scope(inner)),
        }
    }
    let mut items = Vec::with_capacity(scope.threads.len() + loose.len());
    // Not in the order of `opened`, which changes with each removal.
    for thread in &scope.threads {
        let inner = opened.remove(thread.id.0).unwrap_or_default();
        items.push(Item::Thread(Row { scope, thread, inside: inner.last().copied() }, inner));
    }
    items.extend(loose);
    items
}

/// True for the thread that takes the snapshot: the kernel is not asked about it.
pub(crate) fn is_caller(thread: &ThreadStatus) -> bool {
    thread.run_state == Some(RunState::Running) && thread.kernel.is_none()
}
