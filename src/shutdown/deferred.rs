//! Owns the run of one deferred function, after all threads of its scope are home.
//! Refuses to know their order: `settle` runs them, last first.

use std::sync::Arc;

use crate::outcome::errors::failure::{Failure, Happened, Origin};
use crate::rt::packet::Ran;
use crate::rt::shown::Shown;
use crate::stop::calls::Calls;
use crate::tree::classify::{ErrorClass, classify};
use crate::tree::core::ScopeCore;
use crate::tree::propagate::log;
use crate::tree::state::Deferred;
use crate::tree::text::escape;
use crate::tree::{current, panic_hook};

/// Runs a deferred function on the calling thread. An error that it returns, and a panic, is a
/// failure of the scope `core`, and of no other scope.
pub(crate) fn run(deferred: Deferred, core: &Arc<ScopeCore>) {
    let run = || current::as_callback(|| deferred.task.run(&()));
    let what =
        format!("deferred function \"{}\" of {}, from {}", Shown(&deferred.name), core.path(), deferred.at);
    let ran = core.root.running.during(what, run);
    let mut calls = Calls::default();
    let failure = match ran {
        Ran::Done | Ran::Nothing => return,
        Ran::Panicked(payload) => {
            let place = panic_hook::place(&payload);
            Failure::panic(origin(&deferred, core), payload, place)
        }
        Ran::Failed(error) => {
            let happened = Happened::now();
            // The stop comes first, because `classify` runs code of the program's (`source`,
            // `Drop`).
            calls = core.stop_before_judging(&core.node, &path(&deferred, core), true);
            match classify(error, &core.node, core) {
                ErrorClass::Stopped(_) | ErrorClass::Listed(_) => return calls.run(),
                ErrorClass::Failure(error, ids) => {
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
