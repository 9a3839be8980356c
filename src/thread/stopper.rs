//! Owns what reaches into the stop of a scope or a thread from outside: the stopper that asks for it, the guard that acts on it.
//! Refuses to run a callback: the thread that stops does.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::outcome::reason::StopReason;
use crate::rt::erase::Lease;
use crate::rt::packet::{Packet, Task};
use crate::rt::result::Result;
use crate::stop::callback::{Callback, Caller};
use crate::stop::node::Node;
use crate::thread::context::Context;
use crate::tree::core::ScopeCore;
use crate::tree::propagate::complain;
use crate::tree::record::Record;
use crate::tree::text::IntoText;
use crate::tree::{current, deadlock};

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

impl Context {
    /// Stops the scope that this thread is in, from anywhere.
    pub fn stopper(&self) -> Stopper {
        Stopper::of(self.core())
    }

    /// Runs `f` on stop, in the thread that stops (for signals and deadlines: one of homebound's own), or at once if
    /// the stop has come already.
    ///
    /// Dropping the guard forgets `f`; if it is running on another thread, it waits until that is over. A panic in `f`
    /// is contained, and a failure of the scope.
    pub fn on_stop(&self, f: impl FnOnce() + Send + 'static) -> OnStop {
        let registered = self.callback(At::Stop(Arc::clone(self.node())), self.guest(f));
        registered.enter();
        OnStop { registered }
    }

    /// As [`on_stop`](Self::on_stop), for an `f` that borrows: it is registered while `body` runs.
    pub fn with_on_stop<R>(&self, f: impl FnOnce() + Send, body: impl FnOnce() -> R) -> R {
        // Kept below: whichever way `body` ends, the callback is abandoned before what it borrows dies.
        let task = Lease::promise().erase(self.guest(f));
        let at = At::Stop(Arc::clone(self.node()));
        let registered = scopeguard::guard(self.callback(at, task), |registered| registered.leave());
        registered.enter();
        body()
    }

    /// A callback as a task; from inside, nothing waits for the scope.
    pub(crate) fn guest<'a>(&self, f: impl FnOnce() + Send + 'a) -> Arc<dyn Task<Caller> + 'a> {
        let record = Arc::downgrade(self.record());
        Packet::new(move |by: &Caller| -> Result {
            match by {
                Caller::Stop => deadlock::as_callback_of(record, f),
                Caller::Registrar => current::as_guest(f),
            }
            Ok(())
        })
    }

    pub(crate) fn callback(&self, at: At, task: Arc<dyn Task<Caller>>) -> Registered {
        let record = Arc::downgrade(self.record());
        let callback = Callback::new(
            task,
            Box::new(move |payload| match record.upgrade() {
                Some(record) => complain(&record.core, record.origin(), payload, true),
                None => crate::stop::callback::unheard(payload),
            }),
        );
        Registered { at, callback }
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
