//! Owns the looks over the whole tree of a snapshot: how many threads, which scopes.
//! Refuses to write text.

use std::collections::HashMap;

use crate::outcome::status::snapshot::{Role, ScopeStatus, ThreadStatus};

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
pub(crate) fn by_path(root: &ScopeStatus) -> HashMap<&str, &ScopeStatus> {
    let (mut found, mut list) = (HashMap::new(), vec![root]);
    while let Some(scope) = list.pop() {
        found.insert(&*scope.path, scope);
        list.extend(&scope.scopes);
    }
    found
}
