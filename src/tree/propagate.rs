//! Owns what is said of a failure at the moment when it happens, and how a panic outside of any closure becomes one.
//! Refuses to decide who is stopped for it.

use std::sync::Arc;

use crate::outcome::failure::{Cause, Failure, Origin};
use crate::rt::contain::{Payload, discard, told};
use crate::rt::shown::{Shown, shown};
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::panic_hook;
use crate::tree::state::Phase;

/// The `Drop` of a capture, a result or a callback of `record`'s panicked: that is a failure too (E4).
pub(crate) fn complain(core: &Arc<ScopeCore>, origin: Origin, payload: Payload, stops: bool) {
    let place = panic_hook::place(&payload);
    let failure = Failure::panic(origin, payload, place);
    match listening(core) {
        Some(core) => {
            core.fail(&failure, stops);
        }
        None => discard(failure.take_payload()),
    }
    log(&failure);
}

/// The scope whose result will tell of it: the handles of a group that is over are dropped in the scope around it.
fn listening(core: &Arc<ScopeCore>) -> Option<&Arc<ScopeCore>> {
    let mut next = Some(core);
    while let Some(core) = next {
        if core.lock().phase < Phase::Settled {
            break;
        }
        next = core.parent.as_ref().filter(|_| core.kind == Kind::Group);
    }
    next
}

/// At once, with no lock held: a scope's result may be a long time coming. The subscriber, and the `Display` of the
/// error, are the user's: what they raise ends here.
pub(crate) fn log(failure: &Failure) {
    told(|| match failure.cause() {
        Cause::Panic { message, location } => tracing::error!(
            target: "homebound::thread",
            path = &*shown(failure.path()),
            thread.name = &*shown(failure.name()),
            thread.id = failure.thread_id().map(|id| id.0),
            location = location.unwrap_or("unknown"),
            panic = &*shown(message),
            "panicked"
        ),
        Cause::Error(error) => tracing::error!(
            target: "homebound::thread",
            path = &*shown(failure.path()),
            thread.name = &*shown(failure.name()),
            thread.id = failure.thread_id().map(|id| id.0),
            error = %Shown(error),
            "failed"
        ),
    });
}
