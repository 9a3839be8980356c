//! Owns what reaches into a scope's stop from outside: the stopper that asks for it, the guard that acts on it.
//! Refuses to know contexts and threads.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::callback::{Callback, Caller};
use crate::reason::StopReason;
use crate::scope_core::ScopeCore;
use crate::stop::Node;

/// A callback at the node where it is registered.
pub(crate) struct Registered {
    pub(crate) node: Arc<Node>,
    pub(crate) callback: Arc<Callback>,
}

impl Registered {
    /// Runs it at once if the stop has come already.
    pub(crate) fn enter(&self) {
        if !self.node.on_stop(&self.callback) {
            self.callback.run(Caller::Registrar);
        }
    }

    pub(crate) fn leave(&self) {
        self.node.forget_callback(self.callback.key());
        self.callback.abandon();
    }
}

/// Keeps a callback registered; see [`Context::on_stop`](crate::Context::on_stop).
#[must_use = "the callback is forgotten when this drops"]
pub struct OnStop {
    pub(crate) registered: Registered,
}

impl Drop for OnStop {
    fn drop(&mut self) {
        self.registered.leave();
    }
}

impl fmt::Debug for OnStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnStop").finish_non_exhaustive()
    }
}

/// Stops a scope, from anywhere and at any time.
#[derive(Clone)]
pub struct Stopper {
    core: Arc<ScopeCore>,
}

impl Stopper {
    pub(crate) fn of(core: &Arc<ScopeCore>) -> Stopper {
        Stopper { core: Arc::clone(core) }
    }

    /// Asks the scope to stop. When this has returned, its body, its workers and all below them see it.
    #[track_caller]
    pub fn stop(&self) {
        self.core.node.stop(StopReason::Requested { at: Location::caller() });
    }

    /// As [`stop`](Self::stop), with a reason in words.
    pub fn stop_because(&self, why: impl Into<Cow<'static, str>>) {
        self.core.node.stop(StopReason::Custom(why.into()));
    }

    /// True from the stop on, and when the scope is over.
    pub fn is_stopping(&self) -> bool {
        self.core.node.is_stopping()
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopper").field("scope", &self.core.path()).finish_non_exhaustive()
    }
}
