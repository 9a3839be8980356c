//! Owns the public face of a scope, and the frame in which a body runs: what is borrowed is safe because that frame
//! settles the scope on every way out.
//! Refuses to know the order of the exit, which is `exit`'s, and the process, which is `registry`'s.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::context::{Context, Stopper};
use crate::deferred::{Deferred, log};
use crate::error::SpawnError;
use crate::exit::{Driver, drive};
use crate::failure::{Failure, ScopeError};
use crate::group::{Group, open_group};
use crate::limit::far;
use crate::reason::{StopReason, Stopped};
use crate::record::{Label, Record, Text};
use crate::root::{GRACE, Root};
use crate::rt::contain::{AbortOnUnwind, Payload, contain, discard, drop_contained};
use crate::rt::erase::Lease;
use crate::rt::packet::Packet;
use crate::scope_core::{Kind, Opening, Phase, ScopeCore};
use crate::settle::{self, BodyEnd};
use crate::status::{Role, ShutdownReport, Snapshot, ThreadStatus};
use crate::thread::{Handle, ThreadBuilder, label};
use crate::{BoxError, Result, carried, current, shutdown, view};

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

/// Opens a scope: a child of the calling thread's context, or else a root of its own. It returns when all its threads
/// are home; if it is a root, when each has been joined by the OS.
///
/// ```
/// let numbers = vec![1, 2, 3];
/// let sum = homebound::scope(|scope| {
///     let adder = scope.spawn("adder", "adds the numbers", |_| Ok(numbers.iter().sum::<i32>()))?;
///     Ok(adder.join()?)
/// })?;
/// assert_eq!(sum, 6);
/// # Ok::<(), homebound::ScopeError>(())
/// ```
///
/// What it borrows must outlive it:
///
/// ```compile_fail
/// homebound::scope(|scope| {
///     let inner = vec![1];
///     let _ = scope.spawn("late", "uses what is gone", |_| Ok(inner.len()));
///     Ok(())
/// });
/// ```
///
/// # Errors
/// The failures of its threads and of its body; or the stop, if its body returned one.
///
/// # Panics
/// With the body's own payload, if the body panicked; after all threads have been joined.
#[track_caller]
pub fn scope<'env, T, F>(body: F) -> Result<T, ScopeError>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
{
    let at = Location::caller();
    let name = Cow::Owned(format!("{}:{}", at.file(), at.line()));
    let around = current::current();
    let parent = around.as_ref().map(|context| Arc::clone(context.core()));
    let core = open(name, Kind::Anonymous, at, parent, around.as_ref());
    enter(&core, body)
}

/// Makes a scope's core, and hangs it where a stop will reach it: below the calling thread's context if that is `parent`
/// or below it; else below `parent`, and below that context too (T).
fn open(
    name: Text,
    kind: Kind,
    at: &'static Location<'static>,
    parent: Option<Arc<ScopeCore>>,
    around: Option<&Context>,
) -> Arc<ScopeCore> {
    let Some(parent) = parent else {
        let root = Root::new(GRACE, None);
        return open_root(root, name, kind, at);
    };
    let below = around.filter(|cx| cx.core().around().any(|core| Arc::ptr_eq(core, &parent)));
    let opener = below.map(|cx| Arc::clone(cx.record()));
    let holder = opener.as_ref().map_or(&parent, |record| &record.core);
    let root = Arc::clone(&parent.root);
    let core = ScopeCore::new(Opening { name, kind, at, root, parent: Some(Arc::clone(holder)), opener });
    match (below, around) {
        (Some(context), _) => core.node.attach(context.node()),
        (None, elsewhere) => {
            core.node.attach(&parent.node);
            elsewhere.iter().for_each(|context| core.node.attach(context.node()));
        }
    }
    core
}

pub(crate) fn open_root(
    root: Arc<Root>,
    name: Text,
    kind: Kind,
    at: &'static Location<'static>,
) -> Arc<ScopeCore> {
    let place = Arc::clone(&root);
    let core = ScopeCore::new(Opening { name, kind, at, root, parent: None, opener: None });
    let set = place.scope.set(Arc::downgrade(&core));
    debug_assert!(set.is_ok(), "a root has one scope");
    core
}

/// How a scope came to its end.
pub(crate) struct Lived<T> {
    pub(crate) value: Option<T>,
    /// The body's panic: to be resumed when everything is as it was before.
    pub(crate) payload: Option<Payload>,
    pub(crate) verdict: Result<ShutdownReport, ScopeError>,
}

/// Runs a body in a scope and takes the one exit path. The promise of the lease stands here: what was erased under it is
/// settled before this frame, and so `'scope`, ends.
pub(crate) fn live<'env, T, F>(core: &Arc<ScopeCore>, body: F) -> Lived<T>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
{
    // Threads may hold a reference to it: it lives until they are home, like all that they borrow.
    let scope = Scope::of(core, Lease::promise());
    let (value, payload, end) = run_body(core, &scope, body);
    let verdict = leave(core, end);
    Lived { value, payload, verdict }
}

fn enter<'env, T, F>(core: &Arc<ScopeCore>, body: F) -> Result<T, ScopeError>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
{
    let Lived { value, payload, verdict } = live(core, body);
    match (verdict, payload, value) {
        (verdict, Some(payload), _) => {
            verdict.err().iter().for_each(|error| report_before_unwinding(core, error));
            resume_unwind(payload)
        }
        (Ok(_), None, Some(value)) => Ok(value),
        (Err(error), None, value) => {
            drop_contained(value).map(discard);
            Err(error)
        }
        (Ok(_), None, None) => crate::sys::die("homebound: a scope ended with neither value nor error"),
    }
}

/// Runs the body with its context; notes its failure and stops the scope for it before anybody is waited for (E2).
fn run_body<'scope, 'env, T, F>(
    core: &Arc<ScopeCore>,
    scope: &'scope Scope<'scope, 'env>,
    body: F,
) -> (Option<T>, Option<Payload>, BodyEnd)
where
    F: FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
{
    current::note_panics();
    tracing::debug!(target: "homebound::scope", scope = core.path(), "opened");
    let record = scope.context.record();
    record.start();
    core.lock().body = Some(Arc::clone(record));
    if let Some(opener) = &core.opener {
        opener.add_opened(core);
    }
    let entered = current::enter(scope.context.clone(), false);
    let ran = contain(|| body(scope));
    drop(entered);
    match ran {
        Ok(Ok(value)) => (Some(value), None, BodyEnd::Returned),
        Ok(Err(error)) => (None, None, judge_body(core, record, error)),
        Err(payload) => {
            let place = current::take_panic_location();
            let text: Payload = Box::new(crate::rt::contain::message(&payload).to_owned());
            let failure = Failure::panic(record.origin(), text, place);
            failure.take_payload().map(discard);
            core.fail(&failure, true);
            contain(|| log(&failure)).err().map(discard);
            (None, Some(payload), BodyEnd::Failed)
        }
    }
}

fn judge_body(core: &Arc<ScopeCore>, record: &Arc<Record>, error: BoxError) -> BodyEnd {
    let asked = core.node.is_stopping();
    match carried::judge(error, asked, |id| core.known(id)) {
        carried::Verdict::Stopped => BodyEnd::Stopped(Stopped::new(core.node.reason())),
        carried::Verdict::Listed(_) => {
            core.node.stop(StopReason::Failed { path: core.path().to_owned() });
            BodyEnd::Failed
        }
        carried::Verdict::Failure(error, ids) => {
            let failure = Failure::error(record.origin(), error, ids);
            core.fail(&failure, true);
            contain(|| log(&failure)).err().map(discard);
            BodyEnd::Failed
        }
    }
}

/// The one exit path: all threads home, groups and the scope settled, a root's OS threads joined. Never unwinds: from
/// here to the end the scope owes its threads (E4).
fn leave(core: &Arc<ScopeCore>, end: BodyEnd) -> Result<ShutdownReport, ScopeError> {
    let owing =
        AbortOnUnwind("homebound: the exit of a scope unwound; its threads may borrow, so this is fatal");
    core.root.assert_same_process();
    core.lock().body_home = true;
    core.touch();
    drive(core, Driver::Exit);
    settle::settle_groups(core);
    settle::settle(core);
    if let Some(opener) = &core.opener {
        opener.remove_opened(core);
    }
    if core.parent.is_none() && !core.root.is_registry() {
        core.root.close();
    }
    let verdict = settle::verdict(core, end);
    drop(owing);
    verdict
}

/// The body's panic goes on; what else failed would be lost with it.
pub(crate) fn report_before_unwinding(core: &Arc<ScopeCore>, error: &ScopeError) {
    if error.failures().len() < 2 {
        return;
    }
    let told = contain(|| {
        tracing::error!(target: "homebound::scope", scope = core.path(), failures = %error, "unwinding");
    });
    told.err().map(discard);
    if core.root.is_registry() {
        crate::sys::write_stderr(format!("{error}\n").as_bytes(), Duration::from_secs(1));
    }
}

impl<'scope> Scope<'scope, '_> {
    pub(crate) fn of(core: &Arc<ScopeCore>, lease: Lease<'scope>) -> Self {
        let label = Label { name: core.name.clone(), purpose: "body".into(), at: core.at };
        let record = Record::new(label, Role::Body, core, Arc::clone(&core.node));
        let context = Context::of(&Arc::new(record));
        Scope { core: Arc::clone(core), context, lease, _env: PhantomData }
    }

    pub(crate) fn core(&self) -> &Arc<ScopeCore> {
        &self.core
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Spawns a worker: `spawn` is for what ends by itself, [`service`](Self::service) for what ends when it is told.
    ///
    /// The name is what `ps`, panics and paths show; Linux cuts it to 15 bytes. If the worker fails, the scope is
    /// stopped.
    ///
    /// # Errors
    /// [`SpawnError::Stopped`] when the scope is stopping or its workers are home, [`SpawnError::Os`] when the system
    /// refuses a thread, [`SpawnError::InvalidName`]. The closure has then been dropped.
    #[track_caller]
    pub fn spawn<T, F>(
        &self,
        name: impl Into<Cow<'static, str>>,
        purpose: impl Into<Cow<'static, str>>,
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
        name: impl Into<Cow<'static, str>>,
        purpose: impl Into<Cow<'static, str>>,
        f: F,
    ) -> Result<Handle<'scope, ()>, SpawnError>
    where
        F: FnOnce(&Context) -> Result + Send + 'scope,
    {
        self.thread(name, purpose).service(f)
    }

    /// A thread with more to be said about it.
    #[track_caller]
    pub fn thread(
        &self,
        name: impl Into<Cow<'static, str>>,
        purpose: impl Into<Cow<'static, str>>,
    ) -> ThreadBuilder<'scope> {
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
    pub fn subscope<'sub, T, F>(&self, name: impl Into<Cow<'static, str>>, body: F) -> Result<T, ScopeError>
    where
        F: for<'inner> FnOnce(&'inner Scope<'inner, 'sub>) -> Result<T>,
    {
        let parent = Some(Arc::clone(&self.core));
        let around = current::current();
        let core = open(name.into(), Kind::Named, Location::caller(), parent, around.as_ref());
        enter(&core, body)
    }

    /// An owned subsystem, for a struct's field: stopped and joined when it drops; as one service of this scope, if it
    /// is still there when the scope ends.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn group(&self, name: impl Into<Cow<'static, str>>) -> Result<Group<'scope>, SpawnError> {
        open_group(&self.core, self.lease, name.into(), Location::caller())
    }

    /// Runs `f` after all threads of this scope have been joined, last deferred first. An error or a panic of it is a
    /// failure of the scope.
    #[track_caller]
    pub fn defer(&self, name: impl Into<Cow<'static, str>>, f: impl FnOnce() -> Result + Send + 'scope) {
        let task = self.lease.erase(Packet::new(move |(): &()| f()));
        let deferred = Deferred { name: name.into(), at: Location::caller(), task };
        let mut state = self.core.lock();
        if state.phase == Phase::Settled {
            drop(state);
            // Only the owner of a group that outlived its scope gets here: late is better than never.
            deferred.run(&self.core);
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
        self.core.node.signal()
    }

    /// Stops this scope from anywhere.
    pub fn stopper(&self) -> Stopper {
        Stopper::of(&self.core)
    }

    /// Stops the scope and blocks until all its threads are home, or until `grace` has passed. From inside (a thread
    /// below the scope, a callback, a deferred function) it asks only, and returns the state as it is.
    #[track_caller]
    pub fn shutdown(&self, grace: Duration) -> ShutdownReport {
        let reason = StopReason::Requested { at: Location::caller() };
        shutdown::shutdown(&self.core, far(Instant::now(), grace), reason)
    }

    /// Workers, services and adopted threads of the subtree that have not ended.
    pub fn active_threads(&self) -> Vec<ThreadStatus> {
        self.core.live().iter().map(view::thread).collect()
    }

    /// All that is in this scope, at one moment.
    pub fn snapshot(&self) -> Snapshot {
        view::snapshot(&self.core)
    }

    /// The tree, for people.
    pub fn dump_status(&self) -> String {
        self.snapshot().to_string()
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
