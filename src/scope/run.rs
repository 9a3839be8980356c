//! Owns the frame in which a body runs. Borrowed data is safe because this frame settles the scope
//! on every way out.
//! Refuses to know the order of the exit, which is in `shutdown`.

use std::borrow::Cow;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::outcome::errors::failure::{Failure, Happened, ScopeError};
use crate::outcome::status::snapshot::Role;
use crate::outcome::words::ITS_THREADS;
use crate::rt::awake;
use crate::rt::contain::{AbortOnUnwind, Payload, contain, discard, drop_contained, log_contained};
use crate::rt::erase::Lease;
use crate::rt::result::{BoxError, Result};
use crate::rt::shown::shown;
use crate::scope::face::Scope;
use crate::shutdown::order::{Driver, drive};
use crate::shutdown::owned::finish_if_left;
use crate::shutdown::settle::{self, BodyEnd};
use crate::thread::adopt;
use crate::thread::context::{Context, current};
use crate::tree::classify::{ErrorClass, classify};
use crate::tree::core::{Kind, Opening, ScopeCore};
use crate::tree::panic_hook;
use crate::tree::propagate::log;
use crate::tree::record::Record;
use crate::tree::root::{GRACE, Root, open_root, root_of};
use crate::tree::text::{IntoText, Text};
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;

/// Opens a scope: a child of the calling thread's context, or else a root of its own. Returns when
/// all threads of the scope are home; if the scope is a root, when the OS has joined each of them.
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
/// Below a context that was told to stop, a scope is born stopped: spawns are refused, waits return
/// at once. A library's function that opens a scope and returns `()` then returns with nothing
/// done. So let the stop through with `?`, and call a function that does not inside of
/// [`Context::shield`].
///
/// # Lifetimes
///
/// | lifetime | lasts | what it bounds |
/// |---|---|---|
/// | `'scope` | from before the body until the last thread is home | closures and results |
/// | `'env` | longer: around the call of `scope` | the data that the body borrows |
///
/// A local of the body is dropped before the threads are home, so threads of the same scope may not
/// borrow it. Move the local into the thread, or open a [`subscope`](Scope::subscope), whose
/// threads may borrow it.
///
/// ```compile_fail
/// homebound::scope(|scope| {
///     let inner = vec![1];
///     let _ = scope.spawn("late", "borrows a local of the body", |_| Ok(inner.len()));
///     Ok(())
/// });
/// ```
///
/// A function that is lent a scope, and spawns in it, names the first lifetime:
///
/// ```
/// use homebound::{Handle, Scope, SpawnError};
///
/// fn count<'s>(scope: &Scope<'s, '_>, text: &'s str) -> Result<Handle<'s, usize>, SpawnError> {
///     scope.spawn("count", "counts words", move |_| Ok(text.split(' ').count()))
/// }
/// let text = String::from("to be or not");
/// assert_eq!(homebound::scope(|scope| Ok(count(scope, &text)?.join()?))?, 4);
/// # Ok::<(), homebound::ScopeError>(())
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
    let around = current();
    let core = open(Cow::Borrowed(""), Location::caller(), around.as_ref(), around.as_ref());
    enter(&core, body)
}

/// As [`scope()`], with a name, which paths, dumps and failures show in place of the line. A
/// library that opens a scope in a call of its own names the scope after the call.
///
/// Equal names are allowed, because ids tell the rows apart. An empty name counts as no name.
///
/// ```
/// /// A call of a library. Its signature does not mention threads.
/// fn sizes(files: &[&str]) -> homebound::Result<Vec<usize>, homebound::ScopeError> {
///     homebound::scope_named("sizes", |scope| {
///         let size = |file| scope.spawn("size", "measures a file", move |_| Ok(str::len(file)));
///         let each: Vec<_> = files.iter().map(|file| size(*file)).collect::<Result<_, _>>()?;
///         Ok(each.into_iter().map(|size| size.join()).collect::<Result<_, _>>()?)
///     })
/// }
/// assert_eq!(sizes(&["a", "bc"])?, [1, 2]);
/// # Ok::<(), homebound::ScopeError>(())
/// ```
///
/// # Errors
/// As [`scope()`].
///
/// # Panics
/// As [`scope()`].
#[track_caller]
pub fn scope_named<'env, T, F>(name: impl IntoText, body: F) -> Result<T, ScopeError>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
{
    let around = current();
    let core = open(name.into(), Location::caller(), around.as_ref(), around.as_ref());
    enter(&core, body)
}

/// Makes a scope's core, and hangs it where a stop will reach it: below the calling thread's
/// context if that is in the scope of `parent` or below it; else below `parent`, and below that
/// context too (T). An empty `name` is replaced by the line of the call.
pub(crate) fn open(
    name: Text,
    at: &'static Location<'static>,
    parent: Option<&Context>,
    around: Option<&Context>,
) -> Arc<ScopeCore> {
    let name = if name.is_empty() { source_line(at) } else { name };
    let kind = Kind::Scope;
    let Some(parent) = parent else {
        let root = Root::new(GRACE, None);
        return open_root(root, name, kind, at);
    };
    // The calling thread's context counts as the opener only if it is in the scope of `parent` or
    // below it. Otherwise the context belongs to another part of the tree, and `parent` is around.
    let below = around.filter(|cx| cx.core().ancestors().any(|core| Arc::ptr_eq(core, parent.core())));
    if let Some(guest) = below.filter(|cx| cx.role() == Role::Guest) {
        return open_at_guest(name, at, parent, guest);
    }
    let opener = below.map(|cx| Arc::clone(cx.record()));
    let holder = opener.as_ref().map_or(parent.core(), |record| &record.core);
    let root = Arc::clone(&holder.root);
    let (parent_core, runner) = (Some(Arc::clone(holder)), around.map(|cx| Arc::clone(cx.record())));
    let core = ScopeCore::new(Opening { name, kind, at, root, parent: parent_core, opener, runner });
    // Hang the node where each stop that concerns the body comes by (T).
    match (below, around) {
        (Some(context), _) => core.node.attach(context.node()),
        (None, elsewhere) => {
            // Two parents: the scope is `parent`'s, and the thread that runs the body is told by
            // its own context.
            core.node.attach(parent.node());
            elsewhere.iter().for_each(|context| core.node.attach(context.node()));
        }
    }
    core
}

/// Opens a scope on the thread of a guest. No scope waits for a guest, so none would wait for a
/// scope below the guest: the new scope is a root of its own, and joins its threads. The scope is
/// stopped with the guest, and shown below it (`Record::opened`).
fn open_at_guest(
    name: Text,
    at: &'static Location<'static>,
    parent: &Context,
    guest: &Context,
) -> Arc<ScopeCore> {
    let root = Root::new(parent.core().root.grace, None);
    let (opener, runner) = (Some(Arc::clone(guest.record())), Some(Arc::clone(guest.record())));
    let core = root_of(Opening { name, kind: Kind::Scope, at, root, parent: None, opener, runner });
    core.node.attach(guest.node());
    // Opened through another context: the stop of that one stops the scope too.
    if !Arc::ptr_eq(parent.record(), guest.record()) {
        core.node.attach(parent.node());
    }
    core
}

/// Names a scope by its line, `walk.rs:1568`. The folder in which a library was built tells the
/// user of the library nothing.
fn source_line(at: &Location<'_>) -> Text {
    let file = at.file().rsplit(['/', '\\']).next().unwrap_or_default();
    format!("{file}:{}", at.line()).into()
}

/// How a scope came to its end.
pub(crate) struct Lived<T> {
    pub(crate) value: Option<T>,
    /// The payload of the body's panic. `enter` resumes the panic when the process is as it was
    /// before.
    pub(crate) payload: Option<Payload>,
    pub(crate) verdict: Result<(), ScopeError>,
}

/// Runs a body in a scope and takes the one exit path. The caller vacates the scope, when it has
/// made the report that it needs. This function keeps the promise of the lease: it settles all that
/// was erased under the lease before its own frame, and so `'scope`, ends.
pub(crate) fn live<'env, T, F>(core: &Arc<ScopeCore>, body: F) -> Lived<T>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
{
    // Threads may borrow `scope`, so it lives until they are home, like all borrowed data.
    let scope = Scope::of(core, Lease::promise());
    // `run_body` contains the body's own panic. Nothing may unwind from here to the end of the exit
    // path (E4).
    let owing =
        AbortOnUnwind("homebound: the exit of a scope unwound; its threads may borrow, so this is fatal");
    let (value, payload, end) = run_body(core, &scope, body);
    let verdict = leave(core, end);
    owing.defuse();
    Lived { value, payload, verdict }
}

/// Runs a body in a scope, and turns the way in which it ended into a result.
pub(crate) fn enter<'env, T, F>(core: &Arc<ScopeCore>, body: F) -> Result<T, ScopeError>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
{
    // The panic of the body wins, because the page of `scope` promises that it goes on to the
    // caller. The value comes last, and only if nothing failed.
    let Lived { value, payload, verdict } = live(core, body);
    core.vacate();
    match (verdict, payload, value) {
        (verdict, Some(payload), _) => {
            verdict.err().iter().for_each(|error| report_before_unwinding(core, error));
            resume_unwind(payload)
        }
        (Ok(()), None, Some(value)) => Ok(value),
        (Err(error), None, value) => {
            // No caller gets the value of a scope that failed. Its `Drop` is the program's code.
            discard(drop_contained(value));
            Err(error)
        }
        (Ok(()), None, None) => crate::sys::die("homebound: a scope ended with neither value nor error"),
    }
}

/// Runs the body with its context. If the body fails, notes the failure and stops the scope before
/// the scope waits for its threads (E2).
fn run_body<'scope, 'env, T, F>(
    core: &Arc<ScopeCore>,
    scope: &'scope Scope<'scope, 'env>,
    body: F,
) -> (Option<T>, Option<Payload>, BodyEnd)
where
    F: FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
{
    let record = scope.context().record();
    begin_body(core, record);
    // Left before the exit path, where the thread is no longer inside the body: a deferred function
    // sees the context around.
    let entered = scope.context().enter();
    let ran = contain(|| body(scope));
    drop(entered);
    match ran {
        Ok(Ok(value)) => (Some(value), None, BodyEnd::Returned),
        Ok(Err(error)) => (None, None, judge_body(core, record, error)),
        Err(payload) => {
            note_panic(core, record, &payload);
            (None, Some(payload), BodyEnd::Failed)
        }
    }
}

fn begin_body(core: &Arc<ScopeCore>, record: &Arc<Record>) {
    panic_hook::note_panics();
    log_contained(|| tracing::debug!(target: "homebound::scope", scope = &*shown(core.path()), "opened"));
    // Started before it is in sight as the body, so that no view shows a body that is about to
    // begin.
    record.start(None);
    core.lock().body = Some(Arc::clone(record));
    // Pairs with `remove_opened` in `leave`.
    if let Some(runner) = &core.runner {
        runner.add_opened(core);
    }
}

fn note_panic(core: &Arc<ScopeCore>, record: &Arc<Record>, payload: &Payload) {
    let place = panic_hook::place(payload);
    // The listed failure gets a copy of the text alone, because the payload itself goes on with the
    // unwind (`enter`).
    let text: Payload = Box::new(crate::rt::contain::message(payload).to_owned());
    let failure = Failure::panic(record.origin(), text, place);
    discard(failure.take_payload());
    // The scope is stopped before the log, because the subscriber is code of the program's.
    core.fail(&failure, true);
    log(&failure);
}

fn judge_body(core: &Arc<ScopeCore>, record: &Arc<Record>, error: BoxError) -> BodyEnd {
    // Before the stop, so that this failure counts as earlier than the stop.
    let happened = Happened::now();
    let calls = core.stop_before_judging(&core.node, core.path(), true);
    // Runs code of the program's: `source`, and perhaps `Drop`. The scope has been stopped before,
    // if the error can only be a failure.
    let end = match classify(error, &core.node, core) {
        ErrorClass::Stopped(cause) => BodyEnd::Stopped(cause),
        ErrorClass::Listed(failure) => {
            core.fail(&failure, true);
            BodyEnd::Failed
        }
        ErrorClass::Failure(error, ids) => {
            let failure = Failure::error_at(happened, record.origin(), error, ids);
            core.fail(&failure, true);
            log(&failure);
            BodyEnd::Failed
        }
    };
    // Last, because a callback may take its time.
    calls.run();
    end
}
/// The one exit path: all threads home, groups and the scope settled, a root's OS threads joined.
/// Never unwinds: from here to the end the scope owes its threads (E4).
fn leave(core: &Arc<ScopeCore>, end: BodyEnd) -> Result<(), ScopeError> {
    core.root.assert_same_process();
    // Stays of this thread in its own scope: the exit path would wait for them for ever.
    adopt::end_stays_in(core);
    let _first = core.body_ended.set(core.node.is_stopping().then(awake::now));
    let mut state = core.lock();
    // Open to body home. From here on a service may be told, and `order::plan` counts the workers
    // alone.
    state.body_home = true;
    // Most inner scopes have no thread that this one would be seen to wait for.
    let body = state.waits().then(|| state.body.clone());
    drop(state);
    // Pairs with `ScopeCore::sleep`: *stopper* may be driving this scope.
    core.wake_drivers();
    // Seen in both records of this thread: the body's, and its own.
    let wait = |record| WaitMark::of(ITS_THREADS, core.at, Of::Scope(Arc::clone(core)), record);
    let waits = body.map(|body| [body, core.runner.clone()].map(wait));
    drive(core, Driver::Exit);
    drop(waits);
    // All threads are home. After this nothing of `'scope` is left (E4).
    settle::settle_at_exit(core);
    if let Some(runner) = &core.runner {
        runner.remove_opened(core);
    }
    if core.parent.is_none() && !core.root.is_registry() {
        // Joins the OS threads (P2). A registry closes its root itself, after it has the verdict.
        core.root.close();
    }
    // This thread has ceased to be inside the root, so it may put the root away, if the value was
    // dropped inside.
    finish_if_left(&core.root);
    settle::verdict(core, end)
}

/// Reports the other failures of a scope whose body panicked: the panic goes on, and the error that
/// lists them is dropped.
pub(crate) fn report_before_unwinding(core: &Arc<ScopeCore>, error: &ScopeError) {
    if error.failures().len() < 2 {
        return;
    }
    log_contained(
        || tracing::error!(target: "homebound::scope", scope = &*shown(core.path()), failures = %error, "unwinding"),
    );
    if core.root.is_registry() {
        crate::sys::write_stderr(format!("{error}\n").as_bytes(), Duration::from_secs(1));
    }
}
