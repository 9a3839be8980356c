//! Owns the functions that a scope runs after all its threads have been joined.
//! Refuses to know their order: `exit` runs them, last first.

use std::panic::Location;
use std::sync::Arc;

use crate::carried::{Verdict, judge};
use crate::failure::{Cause, Failure, Origin};
use crate::record::{Text, escape};
use crate::rt::contain::{Payload, discard, told};
use crate::rt::packet::{Ran, Task};
use crate::scope_core::ScopeCore;
use crate::{current, token};

pub(crate) struct Deferred {
    pub(crate) name: Text,
    pub(crate) at: &'static Location<'static>,
    pub(crate) task: Arc<dyn Task<()>>,
}

impl Deferred {
    /// Runs it on the calling thread. What it returns or raises is a failure of the scope, and stops nobody else's.
    pub(crate) fn run(self, core: &Arc<ScopeCore>) {
        let _run = token::begin();
        let ran = current::as_guest(|| self.task.run(&()));
        let place = current::take_panic_location();
        let asked = core.node.is_stopping();
        let failure = match ran {
            Ran::Done | Ran::Nothing => return,
            Ran::Panicked(payload) => Failure::panic(self.origin(core), payload, place),
            Ran::Failed(error) => match judge(error, asked, |id| core.known(id)) {
                Verdict::Stopped | Verdict::Listed(_) => return,
                Verdict::Failure(error, ids) => Failure::error(self.origin(core), error, ids),
            },
        };
        log(&failure);
        core.fail(&failure, true);
    }

    fn origin(&self, core: &Arc<ScopeCore>) -> Origin {
        Origin {
            path: format!("{}/{}", core.path(), escape(&self.name)),
            name: self.name.clone(),
            purpose: "deferred".into(),
            spawned_from: self.at,
        }
    }
}

/// The `Drop` of a capture, a result or a callback of `record`'s panicked: that is a failure too (E4).
pub(crate) fn complain(core: &Arc<ScopeCore>, origin: Origin, payload: Payload, stops: bool) {
    let failure = Failure::panic(origin, payload, current::take_panic_location());
    log(&failure);
    if core.lock().phase == crate::members::Phase::Settled {
        discard(failure.take_payload());
        return;
    }
    core.fail(&failure, stops);
}

/// At once, with no lock held: a scope's result may be a long time coming. The subscriber, and the `Display` of the
/// error, are the user's: what they raise ends here.
pub(crate) fn log(failure: &Failure) {
    told(|| match failure.cause() {
        Cause::Panic { message, location } => tracing::error!(
            target: "homebound::thread",
            path = failure.path(),
            thread.name = failure.name(),
            location = location.unwrap_or("unknown"),
            panic = message,
            "panicked"
        ),
        Cause::Error(error) => tracing::error!(
            target: "homebound::thread",
            path = failure.path(),
            thread.name = failure.name(),
            error = %error,
            "failed"
        ),
    });
}
