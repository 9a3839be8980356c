//! Owns the paths of scopes: which names are in a path, and how a name becomes a step of it.
//! Refuses to tell scopes apart by their paths: ids do that.

use std::sync::{Arc, Weak};

use crate::outcome::status::snapshot::Role;
use crate::tree::core::ScopeCore;
use crate::tree::text::escape;

/// Number of scopes that a long path names at its end, after the root (A5).
const LONGEST_PATH: usize = 64;

impl ScopeCore {
    /// The names of all scopes and threads around it, and its own. If the scope is deep, the names
    /// in the middle are left out, because a full path per level would take room by the square of
    /// the depth. Iterative: depth costs no stack.
    pub(crate) fn path(&self) -> &str {
        self.place()
    }

    /// As `path`, for a caller that keeps it.
    pub(crate) fn place(&self) -> &Arc<str> {
        self.path.get_or_init(|| {
            let far = self.depth > LONGEST_PATH;
            let mut steps = Vec::new();
            let mut next = Some(self);
            let mut head = loop {
                let Some(core) = next else { break String::new() };
                // A known path of a scope around is taken as it is.
                if let Some(path) = core.path.get().filter(|_| !far) {
                    break path.to_string();
                }
                // Deep: the root, an ellipsis, and the steps that were collected.
                if far && self.depth - core.depth >= LONGEST_PATH {
                    let root = self.root.scope.get().and_then(Weak::upgrade);
                    break root.map(|root| format!("{}/…", root.path())).unwrap_or_default();
                }
                steps.push(escape(&core.name));
                // A body has the path of its scope, so it is no step.
                let opener = core.opener.as_ref().filter(|opener| opener.role != Role::Body);
                steps.extend(opener.map(|opener| escape(&opener.label.name)));
                // The scope of a guest has no parent, but is shown below the guest.
                next = core.parent.as_deref().or(core.opener.as_ref().map(|opener| &*opener.core));
            };
            steps.iter().rev().for_each(|step| head.extend(["/", step]));
            head.into()
        })
    }
}

impl std::fmt::Debug for ScopeCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScopeCore").field("path", &self.path()).finish_non_exhaustive()
    }
}
