//! Owns a thread from its spawn to its end: builder, start, verdict on its result, handle.
//! Refuses to know when its scope ends, and which OS thread runs it.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use tracing::Dispatch;
use tracing::level_filters::LevelFilter;

use crate::context::Context;
use crate::deferred::{complain, log};
use crate::error::{JoinError, SpawnError};
use crate::failure::Failure;
use crate::limit::far;
use crate::reason::{StopReason, Stopped};
use crate::record::{Label, Outcome, Record};
use crate::rt::cache::Make;
use crate::rt::contain::{Payload, contain, discard};
use crate::rt::erase::Lease;
use crate::rt::packet::{Claim, Packet, Ran, Task};
use crate::scope_core::{Entry, ScopeCore};
use crate::status::{Role, ThreadId};
use crate::stop::{Edge, Node};
use crate::{Result, carried, current, graph, wait};

/// A thread to be, with more to be said about it than name and purpose.
#[must_use = "a builder starts nothing until .spawn(f) or .service(f)"]
pub struct ThreadBuilder<'scope> {
    core: Arc<ScopeCore>,
    lease: Lease<'scope>,
    label: Label,
    isolated: bool,
    vital: bool,
    make: Make,
}

impl<'scope> ThreadBuilder<'scope> {
    pub(crate) fn new(core: &Arc<ScopeCore>, lease: Lease<'scope>, label: Label) -> Self {
        let core = Arc::clone(core);
        ThreadBuilder { core, lease, label, isolated: false, vital: false, make: Make::default() }
    }

    /// Its failure stops nobody. It is returned by `join`; if nobody joins, it is in the scope's result after all.
    pub fn isolated(mut self) -> Self {
        self.isolated = true;
        self
    }

    /// When it ends, however it ends, the scope is stopped.
    pub fn vital(mut self) -> Self {
        self.vital = true;
        self
    }

    /// It gets an OS thread that no other job has used or will use: no thread-local state is shared.
    pub fn dedicated(mut self) -> Self {
        self.make.dedicated = true;
        self
    }

    /// The size of its stack in bytes; the system rounds it up, and may refuse it at the spawn.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.make.stack_size = Some(bytes);
        self
    }

    /// Starts it as a worker: it ends by itself.
    ///
    /// # Errors
    /// See [`Scope::spawn`](crate::Scope::spawn).
    pub fn spawn<T, F>(self, f: F) -> Result<Handle<'scope, T>, SpawnError>
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        self.start(Role::Worker, f)
    }

    /// Starts it as a service: it ends when it is told, after the workers.
    ///
    /// # Errors
    /// See [`Scope::spawn`](crate::Scope::spawn).
    pub fn service<F>(self, f: F) -> Result<Handle<'scope, ()>, SpawnError>
    where
        F: FnOnce(&Context) -> Result + Send + 'scope,
    {
        self.start(Role::Service, f)
    }

    fn start<T, F>(self, role: Role, f: F) -> Result<Handle<'scope, T>, SpawnError>
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        let name = self.label.name.as_ref();
        if name.is_empty() || name.contains('\0') {
            return Err(SpawnError::InvalidName);
        }
        let packet = Packet::new(f);
        let claim: Arc<dyn Claim<T> + 'scope> = Arc::<Packet<F, T>>::clone(&packet);
        let task = self.lease.erase(packet);
        let mut record = Record::new(self.label, role, &self.core, Node::new(Edge::Inside));
        (record.isolated, record.vital) = (self.isolated, self.vital);
        let record = Arc::new(record);
        launch(&self.core, &record, task, self.make)?;
        Ok(Handle { record, claim, joined: false })
    }
}

impl fmt::Debug for ThreadBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadBuilder").field("label", &self.label).finish_non_exhaustive()
    }
}

/// Admits the thread, then asks the OS for it. A refusal leaves the scope as it was; the closure is dropped here.
fn launch(
    core: &Arc<ScopeCore>,
    record: &Arc<Record>,
    task: Arc<dyn Task<Context>>,
    make: Make,
) -> Result<(), SpawnError> {
    core.admit(Entry { record: Arc::clone(record), task: Some(Arc::clone(&task)) })?;
    let scene = Scene::of(record);
    let job = Box::new({
        let record = Arc::clone(record);
        move || work(&record, task, scene)
    });
    core.root.cache.launch(&record.label.name, make, job).map_err(|refusal| {
        record.node.close();
        core.dismiss(record);
        SpawnError::Os(refusal)
    })
}

/// The spawner's subscriber, and a span of it for the thread.
struct Scene(Option<(Dispatch, tracing::Span)>);

impl Scene {
    fn of(record: &Record) -> Scene {
        if LevelFilter::current() == LevelFilter::OFF {
            return Scene(None);
        }
        let span = tracing::info_span!(
            target: "homebound::thread",
            "thread",
            thread.name = &*record.label.name,
            purpose = &*record.label.purpose,
            path = record.path(),
        );
        tracing::debug!(target: "homebound::thread", parent: &span, "spawned");
        Scene(Some((tracing::dispatcher::get_default(Clone::clone), span)))
    }

    fn inside(self, f: impl FnOnce()) {
        match self.0 {
            None => f(),
            Some((dispatch, span)) => tracing::dispatcher::with_default(&dispatch, || {
                span.in_scope(f);
                drop(span);
            }),
        }
    }
}

/// What the OS thread does. Nothing of `'scope` is in this frame (invariant 1): `task` has forgotten its types, and
/// closure and result live and die in `Task::run`, which has returned before anybody is told.
fn work(record: &Arc<Record>, task: Arc<dyn Task<Context>>, scene: Scene) {
    record.start();
    carried::begin();
    let mut outcome = None;
    let logged = contain(|| {
        scene.inside(|| {
            let context = Context::of(record);
            let entered = current::enter(context.clone(), false);
            let ran = current_task(&task, &context);
            outcome = Some(conclude(record, ran));
            // Callbacks that were not run are dropped while the thread still is somebody.
            record.node.close();
            drop(entered);
            tracing::debug!(target: "homebound::thread", "ended");
        });
    });
    if let Err(payload) = logged {
        // The subscriber panicked, perhaps before the closure began.
        task.clear().map(discard);
        let failed = outcome.is_none();
        let outcome_of_panic = conclude(record, Ran::Panicked(payload));
        outcome = outcome.filter(|_| !failed).or(Some(outcome_of_panic));
        record.node.close();
    }
    drop(task);
    come_home(record, outcome.unwrap_or(Outcome::Finished));
}

fn current_task(task: &Arc<dyn Task<Context>>, context: &Context) -> Ran {
    task.run(context)
}

/// Makes an outcome of what the closure returned or raised; a failure is its scope's at once (F1).
fn conclude(record: &Arc<Record>, ran: Ran) -> Outcome {
    let place = current::take_panic_location();
    let failure = match ran {
        Ran::Done | Ran::Nothing => return Outcome::Finished,
        Ran::Panicked(payload) => Failure::panic(record.origin(), payload, place),
        Ran::Failed(error) => {
            let asked = record.node.is_stopping();
            match carried::judge(error, asked, |id| record.core.known(id)) {
                carried::Verdict::Stopped => return Outcome::Stopped,
                carried::Verdict::Listed(failure) => return Outcome::Failed(failure),
                carried::Verdict::Failure(error, ids) => Failure::error(record.origin(), error, ids),
            }
        }
    };
    if let Err(payload) = contain(|| log(&failure)) {
        discard(payload);
    }
    if !record.isolated {
        record.core.fail(&failure, true);
    }
    Outcome::Failed(failure)
}

/// Tells the others: those who join it, then the scope. After the last line the scope may be gone.
fn come_home(record: &Arc<Record>, outcome: Outcome) {
    let core = &record.core;
    if record.vital {
        core.node.stop(StopReason::Vital { path: record.path().to_owned() });
    }
    let unclaimed = record.end(outcome);
    if let Some(failure) = unclaimed {
        core.fail(&failure, false);
    }
    record.done.set();
    core.ended(record);
}

/// A thread that was spawned. Dropping it does not detach the thread: its scope joins it.
#[must_use = "join it, or drop it with `drop(..)` or `let _ =` to leave the joining to the scope"]
pub struct Handle<'scope, T> {
    record: Arc<Record>,
    claim: Arc<dyn Claim<T> + 'scope>,
    joined: bool,
}

impl<T> Handle<'_, T> {
    /// Blocks until the thread has ended, and returns what its closure returned.
    ///
    /// # Errors
    /// [`JoinError::Failed`] if it failed, [`JoinError::Stopped`] if it ended because it was asked to,
    /// [`JoinError::WouldDeadlock`] if it cannot end before the caller does.
    #[track_caller]
    pub fn join(mut self) -> Result<T, JoinError> {
        if !self.record.done.is_set() {
            let _wait = wait::Mark::new("join", Location::caller());
            graph::join(&self.record)?;
        }
        self.collect()
    }

    /// As [`join`](Self::join), but gives the handle back after `timeout`.
    ///
    /// # Errors
    /// The handle, if the thread has not ended by then.
    #[track_caller]
    pub fn join_timeout(mut self, timeout: Duration) -> Result<Result<T, JoinError>, Self> {
        if !self.record.done.is_set() {
            let _wait = wait::Mark::new("join", Location::caller());
            let end = far(Instant::now(), timeout);
            if !self.record.done.wait(Some(end), &AtomicBool::new(false)) {
                return Err(self);
            }
        }
        Ok(self.collect())
    }

    fn collect(&mut self) -> Result<T, JoinError> {
        self.joined = true;
        let outcome = self.record.life(|life| {
            life.released = true;
            life.outcome.take()
        });
        let value = self.claim.take();
        self.record.core.release(&self.record);
        match (outcome, value) {
            (Some(Outcome::Failed(failure)), _) => Err(JoinError::Failed(failure.marked())),
            (_, Some(value)) => Ok(value),
            // Without a value: it was stopped, or its scope was over before anybody asked for the result.
            (_, None) => Err(JoinError::Stopped(Stopped::new(self.record.node.reason()))),
        }
    }

    /// A receiver that is disconnected when the thread has ended: for a `select!` over many.
    pub fn done(&self) -> &Receiver<Infallible> {
        self.record.done.signal()
    }

    /// True once the thread has ended: result, captures and callbacks are dropped or handed over.
    pub fn is_finished(&self) -> bool {
        self.record.done.is_set()
    }

    /// Asks this thread to stop, and whatever runs below it.
    #[track_caller]
    pub fn stop(&self) {
        self.record.node.stop(StopReason::Requested { at: Location::caller() });
    }

    /// The thread's id.
    pub fn id(&self) -> ThreadId {
        self.record.id
    }

    /// The thread's name.
    pub fn name(&self) -> &str {
        &self.record.label.name
    }

    /// Scopes and name, `/studio/gui/thumbs`.
    pub fn path(&self) -> &str {
        self.record.path()
    }
}

impl<T> Drop for Handle<'_, T> {
    fn drop(&mut self) {
        if self.joined {
            return;
        }
        let core = &self.record.core;
        let raised: Option<Payload> = self.claim.disown();
        if let Some(failure) = self.record.abandon() {
            core.fail(&failure, false);
        }
        if let Some(payload) = raised {
            complain(core, self.record.origin(), payload, !self.record.isolated);
        }
        core.release(&self.record);
    }
}

impl<T> fmt::Debug for Handle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("path", &self.path())
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// What spawning takes: a name for humans, `ps` and paths, and what the thread is for.
#[track_caller]
pub(crate) fn label(name: impl Into<Cow<'static, str>>, purpose: impl Into<Cow<'static, str>>) -> Label {
    Label { name: name.into(), purpose: purpose.into(), at: Location::caller() }
}
