//! Owns the paths of scopes: which names are in one, and how a name is one step of it.
//! Refuses to tell things apart by them: ids do that.

use std::sync::{Arc, Weak};

use crate::outcome::status::Role;
use crate::tree::core::ScopeCore;
use crate::tree::text::escape;

/// How many scopes a path names, if there are more: the root, and so many at the end.
const LONGEST_PATH: usize = 64;

impl ScopeCore {
    /// The names of all scopes and threads around it, and its own. Far below, those in the middle are left out: a path per level would
    /// take room by the square of the depth. Iterative: depth costs no stack.
    pub(crate) fn path(&self) -> &str {
        self.place()
    }

    /// The path, for those who keep it.
    pub(crate) fn place(&self) -> &Arc<str> {
        self.path.get_or_init(|| {
            let far = self.depth > LONGEST_PATH;
            let mut steps = Vec::new();
            let mut next = Some(self);
            let mut head = loop {
                let Some(core) = next else { break String::new() };
                if let Some(path) = core.path.get().filter(|_| !far) {
                    break path.to_string();
                }
                if far && self.depth - core.depth >= LONGEST_PATH {
                    let root = self.root.scope.get().and_then(Weak::upgrade);
                    break root.map(|root| format!("{}/…", root.path())).unwrap_or_default();
                }
                steps.push(escape(&core.name));
                let opener = core.opener.as_ref().filter(|opener| opener.role != Role::Body);
                steps.extend(opener.map(|opener| escape(&opener.label.name)));
                // A guest's scope has no parent, but is shown below the guest.
                next = core.parent.as_deref().or(core.opener.as_ref().map(|opener| &*opener.core));
            };
            steps.iter().rev().for_each(|step| head.extend(["/", step]));
            head.into()
        })
    }
}
