//! Owns the looks over the whole tree of a snapshot: how many threads, which scopes.
//! Refuses to write text.

use crate::outcome::status::snapshot::{Role, ScopeStatus, ThreadStatus};
use crate::rt::index::Index;
use crate::rt::order::sort_by_key;

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
pub(crate) fn members(scope: &ScopeStatus) -> impl Iterator<Item = &ThreadStatus> {
    scope.threads.iter().filter(|thread| !matches!(thread.role, Role::Body | Role::Internal))
}

/// Tells the rows that the header counts as threads from the others.
pub(crate) struct Sorts {
    /// The kernel's ids of the threads that the header counts.
    members: Index<()>,
}

impl Sorts {
    /// The names of the sorts in a verdict, for one row and for several.
    pub(crate) const NAMES: [[&str; 2]; 3] = [["", ""], ["body ", "bodies "], ["internal ", "internal "]];

    pub(crate) fn of(root: &ScopeStatus) -> Sorts {
        let (mut found, mut list) = (Index::new(), vec![root]);
        while let Some(scope) = list.pop() {
            found.extend(members(scope).filter_map(|thread| Some((u64::from(thread.os_tid?), ()))));
            list.extend(&scope.scopes);
        }
        Sorts { members: found }
    }

    /// The place of a row's sort in `NAMES`. A body that a counted thread runs is that thread,
    /// because `first` shows only the innermost row of a thread.
    pub(crate) fn sort(&self, thread: &ThreadStatus) -> usize {
        match thread.role {
            Role::Body => {
                usize::from(!thread.os_tid.is_some_and(|tid| self.members.contains(u64::from(tid))))
            }
            Role::Internal => 2,
            Role::Worker | Role::Service | Role::Adopted | Role::Guest => 0,
        }
    }
}

/// All scopes of the tree by their paths, to name the members of a scope that a thread waits for.
pub(crate) struct ByPath<'a>(Vec<&'a ScopeStatus>);

impl<'a> ByPath<'a> {
    pub(crate) fn of(root: &'a ScopeStatus) -> ByPath<'a> {
        let (mut found, mut list) = (Vec::new(), vec![root]);
        while let Some(scope) = list.pop() {
            found.push(scope);
            list.extend(&scope.scopes);
        }
        sort_by_key(&mut found, |scope| &*scope.path);
        ByPath(found)
    }

    pub(crate) fn get(&self, path: &str) -> Option<&'a ScopeStatus> {
        // Scopes may share a path. Any of them will do, since an edge has no more than the path.
        let place = self.0.binary_search_by(|scope| (*scope.path).cmp(path)).ok()?;
        self.0.get(place).copied()
    }
}
