//! T: parents, paths and names; what the snapshot, the dump and the list of active threads show.

mod adopted;
mod current;
mod paths;
mod snapshot;

use homebound::ScopeStatus;

/// The scope of that name, anywhere below.
fn find<'a>(scope: &'a ScopeStatus, name: &str) -> Option<&'a ScopeStatus> {
    if scope.name == name {
        return Some(scope);
    }
    scope.scopes.iter().find_map(|below| find(below, name))
}
