//! Owns the public face of a scope: what can be asked of it while its body runs.
//! Refuses to run the body, which `run` does, and to know the process, which is `registry`'s.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::outcome::error::SpawnError;
use crate::outcome::failure::ScopeError;
use crate::outcome::reason::StopReason;
use crate::outcome::report::ShutdownReport;
use crate::outcome::status::{Role, Snapshot, ThreadState, ThreadStatus};
use crate::rt::awake;
use crate::rt::erase::Lease;
use crate::rt::packet::Packet;
use crate::rt::result::Result;
use crate::rt::time::after;
use crate::shutdown::{call, deferred};
use crate::stop::listen::Keeper;
use crate::thread::builder::{ThreadBuilder, label};
use crate::thread::context::Context;
use crate::thread::handle::Handle;
use crate::thread::stopper::Stopper;
use crate::tree::core::ScopeCore;
use crate::tree::record::{Label, Record};
use crate::tree::snapshot;
use crate::tree::state::{Deferred, Phase};
use crate::tree::text::IntoText;

/// The place where threads are spawned; they are home before it returns.
///
/// Invariant in `'scope` (a shorter one would let a thread borrow what dies before it is joined), covariant in `'env`,
/// which only tells that `'scope` lies inside it.
pub struct Scope<'scope, 'env: 'scope> {
    core: Arc<ScopeCore>,
    context: Context,
    lease: Lease<'scope>,
    _env: PhantomData<&'env ()>,
}

impl<'scope> Scope<'scope, '_> {
    pub(crate) fn of(core: &Arc<ScopeCore>, lease: Lease<'scope>) -> Self {
        let label = Label { name: core.name.clone(), purpose: "body".into(), at: core.at };
        let record = Record::new(label, Role::Body, core, Arc::clone(&core.node));
        let context = Context::of(&Arc::new(record));
        Scope { core: Arc::clone(core), context, lease, _env: PhantomData }
    }

    pub(crate) fn lease(&self) -> Lease<'scope> {
        self.lease
    }

    pub(crate) fn core(&self) -> &Arc<ScopeCore> {
        &self.core
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Spawns a worker: `spawn` is for what ends by itself, [`service`](Self::service) for what ends when it is told.
    ///
    /// The name is what `ps`, panics and paths show; Linux cuts it to 15 bytes. If the worker fails, the scope is
    /// stopped. A closure that ends by `?` only has to say of which type its value would be: `|cx| -> homebound::Result { loop { .. } }`.
    ///
    /// # Errors
    /// [`SpawnError::Stopped`] when the scope is stopping or its workers are home, [`SpawnError::Os`] when the system
    /// refuses a thread, [`SpawnError::InvalidName`]. The closure has then been dropped.
    #[track_caller]
    pub fn spawn<T, F>(
        &self,
        name: impl IntoText,
        purpose: impl IntoText,
        f: F,
    ) -> Result<Handle<'scope, T>, SpawnError>
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        self.thread(name, purpose).spawn(f)
    }

    /// Spawns a service: told to stop when the workers are home, services made later first.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn service<F>(
        &self,
        name: impl IntoText,
        purpose: impl IntoText,
        f: F,
    ) -> Result<Handle<'scope, ()>, SpawnError>
    where
        F: FnOnce(&Context) -> Result + Send + 'scope,
    {
        self.thread(name, purpose).service(f)
    }

    /// A thread with more to be said about it.
    #[track_caller]
    pub fn thread(&self, name: impl IntoText, purpose: impl IntoText) -> ThreadBuilder<'scope> {
        ThreadBuilder::new(&self.core, self.lease, label(name, purpose))
    }

    /// Opens a scope inside this one, on the calling thread. Its threads may borrow locals of this body.
    ///
    /// # Errors
    /// As [`scope`](crate::scope).
    ///
    /// # Panics
    /// As [`scope`](crate::scope).
    #[track_caller]
    pub fn subscope<'sub, T, F>(&self, name: impl IntoText, body: F) -> Result<T, ScopeError>
    where
        F: for<'inner> FnOnce(&'inner Scope<'inner, 'sub>) -> Result<T>,
    {
        self.context.subscope(name, body)
    }

    /// Runs `f` after all threads of this scope have been joined, last deferred first. An error or a panic of it is a
    /// failure of the scope.
    #[track_caller]
    pub fn defer(&self, name: impl IntoText, f: impl FnOnce() -> Result + Send + 'scope) {
        let task = self.lease.erase(Packet::new(move |(): &()| f()));
        let deferred = Deferred { name: name.into(), at: Location::caller(), task };
        let mut state = self.core.lock();
        if state.phase == Phase::Settled {
            drop(state);
            // Only the owner of a group that outlived its scope gets here: late is better than never.
            deferred::run(deferred, &self.core);
        } else {
            state.deferred.push(deferred);
        }
    }

    /// The context of the scope's body.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Asks the scope to stop. When this has returned, its body, its workers and all below them see it.
    #[track_caller]
    pub fn stop(&self) {
        self.core.node.stop(StopReason::Requested { at: Location::caller() });
    }

    /// True from the stop on.
    pub fn is_stopping(&self) -> bool {
        self.core.node.is_stopping()
    }

    /// Disconnected by the stop; see [`Context::stop_signal`].
    pub fn stop_signal(&self) -> &Receiver<Infallible> {
        self.core.node.signal(Keeper::Timer)
    }

    /// Stops this scope from anywhere.
    pub fn stopper(&self) -> Stopper {
        Stopper::of(&self.core)
    }

    /// Stops the scope and blocks until all its threads are home, or until `grace` has passed. From inside (a thread
    /// below the scope, a callback, a deferred function) it asks only, and returns the state as it is.
    #[track_caller]
    pub fn shutdown(&self, grace: Duration) -> ShutdownReport {
        call::shutdown(&self.core, after(awake::now(), grace), Location::caller())
    }

    /// Workers, services and adopted threads of the subtree that have not ended.
    pub fn active_threads(&self) -> Vec<ThreadStatus> {
        let threads = self.core.live().into_iter().map(|record| snapshot::thread(&record));
        threads.filter(|thread| thread.state != ThreadState::Ended).collect()
    }

    /// All that is in this scope, at one moment.
    pub fn snapshot(&self) -> Snapshot {
        snapshot::snapshot(&self.core)
    }

    /// The tree, for people. The kernel is asked about each thread that is in no wait of homebound's (Linux), for 300 ms at most.
    pub fn dump_status(&self) -> String {
        snapshot::examine(&self.core).to_string()
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("path", &self.core.path())
            .field("stopping", &self.is_stopping())
            .finish_non_exhaustive()
    }
}
