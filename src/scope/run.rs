//! Owns the frame in which a body runs: what is borrowed is safe because that frame settles the scope on every way out.
//! Refuses to know the order of the exit, which is `shutdown`'s.

use std::borrow::Cow;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::outcome::failure::{Failure, Happened, ScopeError};
use crate::outcome::status::Role;
use crate::outcome::words::ITS_THREADS;
use crate::rt::contain::{AbortOnUnwind, Payload, contain, discard, drop_contained, log_contained};
use crate::rt::erase::Lease;
use crate::rt::result::{BoxError, Result};
use crate::rt::shown::shown;
use crate::scope::face::Scope;
use crate::shutdown::order::{Driver, drive};
use crate::shutdown::owned::finish_if_left;
use crate::shutdown::settle::{self, Account, BodyEnd};
use crate::thread::adopt;
use crate::thread::context::{Context, current};
use crate::tree::core::{Kind, Opening, ScopeCore};
use crate::tree::panic_hook;
use crate::tree::propagate::log;
use crate::tree::record::{Of, Record, Text};
use crate::tree::root::{GRACE, Root, open_root, root_of};
use crate::tree::text::IntoText;
use crate::tree::verdict::{Verdict, judge};
use crate::tree::wait_mark::WaitMark;

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
/// Below a context that was asked to stop, it is born stopped: spawns are refused, waits return at once. A library's function that
/// opens one and returns `()` then returns with nothing done; so let the stop through with `?`, and call one that does not inside of
/// [`Context::shield`].
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

/// As [`scope()`], with a name: what paths, dumps and failures show in place of its line. A library that opens a scope in
/// a call of its own names it after the call.
///
/// Equal names are allowed: rows of one name are told apart by their ids. An empty name is none.
///
/// ```
/// /// What a library's user calls: nothing of the threads is in the signature.
/// fn sizes(files: &[&str]) -> homebound::Result<Vec<usize>, homebound::ScopeError> {
///     homebound::scope_named("sizes", |scope| {
///         let each = files.iter().map(|file| scope.spawn("size", "measures a file", move |_| Ok(file.len())));
///         let each: Vec<_> = each.collect::<homebound::Result<_, _>>()?;
///         Ok(each.into_iter().map(|size| size.join()).collect::<homebound::Result<_, _>>()?)
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

impl Context {
    /// Opens a scope with a name, on the calling thread: below it if this is its context or that of a scope around, else below
    /// the thread that this context belongs to. Its threads may borrow locals of the caller.
    ///
    /// ```
    /// # homebound::scope(|scope| {
    /// scope.spawn("reader", "counts words", |cx| {
    ///     let text = String::from("a shop and a till");
    ///     let words = cx.subscope("count", |inner| {
    ///         Ok(inner.spawn("words", "splits the text", |_| Ok(text.split(' ').count()))?.join()?)
    ///     })?;
    ///     Ok(assert_eq!(words, 5))
    /// })?;
    /// # Ok(())
    /// # })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`scope()`].
    ///
    /// # Panics
    /// As [`scope()`].
    #[track_caller]
    pub fn subscope<'env, T, F>(&self, name: impl IntoText, body: F) -> Result<T, ScopeError>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
    {
        let around = current();
        let core = open(name.into(), Location::caller(), Some(self), around.as_ref());
        enter(&core, body)
    }
}

/// Makes a scope's core, and hangs it where a stop will reach it: below the calling thread's context if that is in the
/// scope of `parent` or below it; else below `parent`, and below that context too (T). Without a name, its line is it.
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
    let below = around.filter(|cx| cx.core().ancestors().any(|core| Arc::ptr_eq(core, parent.core())));
    if let Some(guest) = below.filter(|cx| cx.role() == Role::Guest) {
        return open_at_guest(name, at, parent, guest);
    }
    let opener = below.map(|cx| Arc::clone(cx.record()));
    let holder = opener.as_ref().map_or(parent.core(), |record| &record.core);
    let root = Arc::clone(&holder.root);
    let (parent_core, runner) = (Some(Arc::clone(holder)), around.map(|cx| Arc::clone(cx.record())));
    let core = ScopeCore::new(Opening { name, kind, at, root, parent: parent_core, opener, runner });
    match (below, around) {
        (Some(context), _) => core.node.attach(context.node()),
        (None, elsewhere) => {
            core.node.attach(parent.node());
            elsewhere.iter().for_each(|context| core.node.attach(context.node()));
        }
    }
    core
}

/// Nobody waits for a guest, so nobody else would wait for the scope: it is a root of its own, and joins its threads. It is stopped with
/// the guest, and shown below it (`Record::opened`).
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
    if !Arc::ptr_eq(parent.record(), guest.record()) {
        core.node.attach(parent.node());
    }
    core
}

/// `walk.rs:1568`: the folder in which a library was built tells its user nothing.
fn source_line(at: &Location<'_>) -> Text {
    let file = at.file().rsplit(['/', '\\']).next().unwrap_or_default();
    format!("{file}:{}", at.line()).into()
}

/// How a scope came to its end.
pub(crate) struct Lived<T> {
    pub(crate) value: Option<T>,
    /// The body's panic: to be resumed when everything is as it was before.
    pub(crate) payload: Option<Payload>,
    pub(crate) verdict: Result<Account, ScopeError>,
}

/// Runs a body in a scope and takes the one exit path. The promise of the lease stands here: what was erased under it is
/// settled before this frame, and so `'scope`, ends.
pub(crate) fn live<'env, T, F>(core: &Arc<ScopeCore>, body: F) -> Lived<T>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
{
    // Threads may hold a reference to it: it lives until they are home, like all that they borrow.
    let scope = Scope::of(core, Lease::promise());
    // The body's own panic is contained in `run_body`: nothing may unwind from here to the end of the exit path (E4).
    let owing =
        AbortOnUnwind("homebound: the exit of a scope unwound; its threads may borrow, so this is fatal");
    let (value, payload, end) = run_body(core, &scope, body);
    let verdict = leave(core, end);
    owing.defuse();
    Lived { value, payload, verdict }
}

/// Runs a body in a scope, and makes a result of how that came to its end.
pub(crate) fn enter<'env, T, F>(core: &Arc<ScopeCore>, body: F) -> Result<T, ScopeError>
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
            discard(drop_contained(value));
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
    panic_hook::note_panics();
    log_contained(|| tracing::debug!(target: "homebound::scope", scope = &*shown(core.path()), "opened"));
    let record = scope.context().record();
    record.start();
    core.lock().body = Some(Arc::clone(record));
    if let Some(runner) = &core.runner {
        runner.add_opened(core);
    }
    let entered = scope.context().enter();
    let ran = contain(|| body(scope));
    drop(entered);
    match ran {
        Ok(Ok(value)) => (Some(value), None, BodyEnd::Returned),
        Ok(Err(error)) => (None, None, judge_body(core, record, error)),
        Err(payload) => {
            let place = panic_hook::place(&payload);
            let text: Payload = Box::new(crate::rt::contain::message(&payload).to_owned());
            let failure = Failure::panic(record.origin(), text, place);
            discard(failure.take_payload());
            core.fail(&failure, true);
            log(&failure);
            (None, Some(payload), BodyEnd::Failed)
        }
    }
}

fn judge_body(core: &Arc<ScopeCore>, record: &Arc<Record>, error: BoxError) -> BodyEnd {
    let happened = Happened::now();
    let calls = core.stop_before_judging(&core.node, core.path(), true);
    let verdict = judge(error, &core.node, core);
    let end = match verdict {
        Verdict::Stopped(cause) => BodyEnd::Stopped(cause),
        Verdict::Listed(failure) => {
            core.fail(&failure, true);
            BodyEnd::Failed
        }
        Verdict::Failure(error, ids) => {
            let failure = Failure::error_at(happened, record.origin(), error, ids);
            core.fail(&failure, true);
            log(&failure);
            BodyEnd::Failed
        }
    };
    calls.run();
    end
}
/// The one exit path: all threads home, groups and the scope settled, a root's OS threads joined. Never unwinds: from
/// here to the end the scope owes its threads (E4).
fn leave(core: &Arc<ScopeCore>, end: BodyEnd) -> Result<Account, ScopeError> {
    core.root.assert_same_process();
    adopt::end_stays_in(core);
    let mut state = core.lock();
    state.body_home = true;
    let body = state.body.clone();
    drop(state);
    core.wake_drivers();
    let waits = WaitMark::of(ITS_THREADS, core.at, Of::Scope(Arc::clone(core)), [body, core.runner.clone()]);
    drive(core, Driver::Exit);
    drop(waits);
    settle::settle_at_exit(core);
    if let Some(runner) = &core.runner {
        runner.remove_opened(core);
    }
    let is_registry = core.parent.is_none() && core.root.is_registry();
    if core.parent.is_none() && !is_registry {
        core.root.close();
    }
    finish_if_left(&core.root);
    let verdict = settle::verdict(core, end);
    // A registry's root stays in sight until all is put away.
    if !is_registry {
        core.vacate();
    }
    verdict
}

/// The body's panic goes on; what else failed would be lost with it.
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
