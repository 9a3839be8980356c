//! Owns the looks over the whole tree of a snapshot: how many threads, which scopes.
//! Refuses to write text.

use crate::outcome::status::snapshot::{Role, ScopeStatus, ThreadStatus};
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
