//! Owns the functions that a scope runs after all its threads have been joined.
//! Refuses to know their order: `exit` runs them, last first.

use std::panic::Location;
use std::sync::Arc;

use crate::carried::{Verdict, judge};
use crate::complaint::log;
use crate::current;
use crate::failure::{Failure, Origin};
use crate::path::escape;
use crate::record::Text;
use crate::rt::packet::{Ran, Task};
use crate::scope_core::ScopeCore;

pub(crate) struct Deferred {
    pub(crate) name: Text,
    pub(crate) at: &'static Location<'static>,
    pub(crate) task: Arc<dyn Task<()>>,
}

impl Deferred {
    /// Runs it on the calling thread. What it returns or raises is a failure of the scope, and stops nobody else's.
    pub(crate) fn run(self, core: &Arc<ScopeCore>) {
        let ran = current::as_guest(|| self.task.run(&()));
        let failure = match ran {
            Ran::Done | Ran::Nothing => return,
            Ran::Panicked(payload) => {
                let place = current::panic_place(&payload);
                Failure::panic(self.origin(core), payload, place)
            }
            Ran::Failed(error) => match judge(error, &core.node, core) {
                Verdict::Stopped(_) | Verdict::Listed(_) => return,
                Verdict::Failure(error, ids) => Failure::error(self.origin(core), error, ids),
            },
        };
        core.fail(&failure, true);
        log(&failure);
    }

    fn origin(&self, core: &Arc<ScopeCore>) -> Origin {
        Origin {
            id: None,
            path: format!("{}/{}", core.path(), escape(&self.name)),
            name: self.name.clone(),
            purpose: "deferred".into(),
            spawned_from: self.at,
            notes: Vec::new(),
        }
    }
}
