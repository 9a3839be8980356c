//! Owns the functions that a scope runs after all its threads have been joined.
//! Refuses to know their order: `exit` runs them, last first.

use std::panic::Location;
use std::sync::Arc;

use crate::aftermath::Calls;
use crate::carried::{Verdict, judge};
use crate::complaint::log;
use crate::current;
use crate::failure::{Failure, Happened, Origin};
use crate::panic_hook;
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
        let mut calls = Calls::default();
        let failure = match ran {
            Ran::Done | Ran::Nothing => return,
            Ran::Panicked(payload) => {
                let place = panic_hook::place(&payload);
                Failure::panic(self.origin(core), payload, place)
            }
            Ran::Failed(error) => {
                let happened = Happened::now();
                calls = core.stop_before_judging(&core.node, &self.path(core), true);
                match judge(error, &core.node, core) {
                    Verdict::Stopped(_) | Verdict::Listed(_) => return calls.run(),
                    Verdict::Failure(error, ids) => {
                        Failure::error_at(happened, self.origin(core), error, ids)
                    }
                }
            }
        };
        core.fail(&failure, true);
        calls.run();
        log(&failure);
    }

    fn path(&self, core: &ScopeCore) -> String {
        format!("{}/{}", core.path(), escape(&self.name))
    }

    fn origin(&self, core: &Arc<ScopeCore>) -> Origin {
        Origin {
            id: None,
            path: self.path(core),
            name: self.name.clone(),
            purpose: "deferred".into(),
            spawned_from: self.at,
            notes: Vec::new(),
        }
    }
}
