//! Owns the functions that a scope runs after all its threads have been joined.
//! Refuses to know their order: `settle` runs them, last first.

use std::sync::Arc;

use crate::outcome::failure::{Failure, Happened, Origin};
use crate::rt::packet::Ran;
use crate::stop::wakeups::Calls;
use crate::tree::core::ScopeCore;
use crate::tree::propagate::log;
use crate::tree::state::Deferred;
use crate::tree::text::escape;
use crate::tree::verdict::{Verdict, judge};
use crate::tree::{current, panic_hook};

/// Runs a deferred function on the calling thread. What it returns or raises is a failure of the scope, and stops nobody else's.
pub(crate) fn run(deferred: Deferred, core: &Arc<ScopeCore>) {
    let ran = current::as_guest(|| deferred.task.run(&()));
    let mut calls = Calls::default();
    let failure = match ran {
        Ran::Done | Ran::Nothing => return,
        Ran::Panicked(payload) => {
            let place = panic_hook::place(&payload);
            Failure::panic(origin(&deferred, core), payload, place)
        }
        Ran::Failed(error) => {
            let happened = Happened::now();
            calls = core.stop_before_judging(&core.node, &path(&deferred, core), true);
            match judge(error, &core.node, core) {
                Verdict::Stopped(_) | Verdict::Listed(_) => return calls.run(),
                Verdict::Failure(error, ids) => {
                    Failure::error_at(happened, origin(&deferred, core), error, ids)
                }
            }
        }
    };
    core.fail(&failure, true);
    calls.run();
    log(&failure);
}

fn path(deferred: &Deferred, core: &ScopeCore) -> String {
    format!("{}/{}", core.path(), escape(&deferred.name))
}

fn origin(deferred: &Deferred, core: &ScopeCore) -> Origin {
    Origin {
        id: None,
        path: path(deferred, core),
        name: deferred.name.clone(),
        purpose: "deferred".into(),
        spawned_from: deferred.at,
        notes: Vec::new(),
    }
}
