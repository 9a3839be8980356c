//! Owns what reaches into the stop of a scope or a thread from outside: the stopper that asks for it, the guard that acts on it.
//! Refuses to know contexts.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::callback::{Callback, Caller};
use crate::reason::StopReason;
use crate::record::Record;
use crate::scope_core::ScopeCore;
use crate::stop::Node;
use crate::text::IntoText;

/// A callback, and what it waits for.
pub(crate) struct Registered {
    pub(crate) at: At,
    pub(crate) callback: Arc<Callback>,
}

pub(crate) enum At {
    /// For the stop of this node.
    Stop(Arc<Node>),
    /// For the end of this thread.
    Done(Arc<Record>),
}

impl Registered {
    /// Runs it at once if that has come already.
    pub(crate) fn enter(&self) {
        match &self.at {
            At::Stop(node) if node.on_stop(&self.callback) => {}
            At::Stop(_) => self.callback.run(Caller::Registrar),
            At::Done(record) => record.on_done(&self.callback),
        }
    }

    pub(crate) fn leave(&self) {
        match &self.at {
            At::Stop(node) => node.forget_callback(self.callback.key()),
            At::Done(record) => record.forget_on_done(self.callback.key()),
        }
        self.callback.abandon();
    }
}

/// Keeps a callback registered; see [`Context::on_stop`](crate::Context::on_stop) and [`Handle::on_done`](crate::Handle::on_done).
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

/// Stops a scope, or a thread, from anywhere and at any time.
#[derive(Clone)]
pub struct Stopper {
    whose: Whose,
}

#[derive(Clone)]
enum Whose {
    Scope(Arc<ScopeCore>),
    Thread(Arc<Record>),
}

impl Stopper {
    pub(crate) fn of(core: &Arc<ScopeCore>) -> Stopper {
        Stopper { whose: Whose::Scope(Arc::clone(core)) }
    }

    pub(crate) fn of_thread(record: &Arc<Record>) -> Stopper {
        Stopper { whose: Whose::Thread(Arc::clone(record)) }
    }

    fn node(&self) -> &Arc<Node> {
        match &self.whose {
            Whose::Scope(core) => &core.node,
            Whose::Thread(record) => &record.node,
        }
    }

    /// Asks it to stop. When this has returned, the scope's body, its workers and all below them see it; of a thread, it and all
    /// that runs below it.
    #[track_caller]
    pub fn stop(&self) {
        self.node().stop(StopReason::Requested { at: Location::caller() });
    }

    /// As [`stop`](Self::stop), with a reason in words.
    pub fn stop_because(&self, why: impl IntoText) {
        self.node().stop(StopReason::Custom(why.into()));
    }

    /// True from the stop on, and when the scope or thread is over.
    pub fn is_stopping(&self) -> bool {
        self.node().is_stopping()
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, path) = match &self.whose {
            Whose::Scope(core) => ("scope", core.path()),
            Whose::Thread(record) => ("thread", record.path()),
        };
        f.debug_struct("Stopper").field(what, &path).finish_non_exhaustive()
    }
}
