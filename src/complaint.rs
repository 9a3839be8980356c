//! Owns what is said of a failure at the moment when it happens, and how a panic outside of any closure becomes one.
//! Refuses to decide who is stopped for it.

use std::sync::Arc;

use crate::current;
use crate::failure::{Cause, Failure, Origin};
use crate::members::Phase;
use crate::rt::contain::{Payload, discard, told};
use crate::scope_core::ScopeCore;

/// The `Drop` of a capture, a result or a callback of `record`'s panicked: that is a failure too (E4).
pub(crate) fn complain(core: &Arc<ScopeCore>, origin: Origin, payload: Payload, stops: bool) {
    let failure = Failure::panic(origin, payload, current::take_panic_location());
    log(&failure);
    if core.lock().phase == Phase::Settled {
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
