//! Owns a thread from its spawn to its end: admission, start, judgement of its result.
//! Refuses to know when its scope ends, and which OS thread runs it.

use std::sync::Arc;

use tracing::Dispatch;
use tracing::level_filters::LevelFilter;

use crate::outcome::errors::error::SpawnError;
use crate::outcome::errors::failure::{Failure, Happened, Origin};
use crate::outcome::marks;
use crate::outcome::reason::StopReason;
use crate::rt::contain::{contain, discard, drop_contained};
use crate::rt::options::ThreadOptions;
use crate::rt::os_thread::{OsThread, Routine};
use crate::rt::packet::{Ran, Task};
use crate::rt::priority::Priority;
use crate::rt::result::Result;
use crate::rt::shown::shown;
use crate::shutdown::left::settle_if_empty;
use crate::shutdown::owned::finish_if_left;
use crate::stop::node::Node;
use crate::thread::failpoint;
use crate::tree::classify::{ErrorClass, classify};
use crate::tree::internal::need_maker;
use crate::tree::propagate::{complain, log_of};
use crate::tree::record::Record;
use crate::tree::result_state::Outcome;
use crate::tree::state::Entry;
use crate::tree::{current, panic_hook, results};

/// Admits the thread to its scope, then asks the OS for it. A refusal leaves the scope as it was.
/// The closure is dropped here then, and a panic of a capture is a failure, as after a run (E4).
pub(crate) fn launch(
    record: &Arc<Record>,
    task: Arc<dyn Task<Arc<Record>>>,
    make: ThreadOptions,
) -> Result<(), SpawnError> {
    let own = Arc::clone(record);
    launch_as(record, &Arc::clone(&task), make, |scene| {
        Box::new(move |os_thread: &Arc<OsThread>| run_thread(&own, task, scene, os_thread))
    })
}

/// As `launch`, for the routine that `routine` makes.
pub(super) fn launch_as(
    record: &Arc<Record>,
    task: &Arc<dyn Task<Arc<Record>>>,
    make: ThreadOptions,
    routine: impl FnOnce(Scene) -> Routine,
) -> Result<(), SpawnError> {
    try_launch(record, task, make, routine).inspect_err(|_| {
        if let Some(payload) = task.clear() {
            complain(&record.core, record.origin(), payload, !record.is_isolated());
        }
    })
}

fn try_launch(
    record: &Arc<Record>,
    task: &Arc<dyn Task<Arc<Record>>>,
    make: ThreadOptions,
    routine: impl FnOnce(Scene) -> Routine,
) -> Result<(), SpawnError> {
    let core = &record.core;
    check_name(&record.label.name)?;
    failpoint::may_spawn(record)?;
    // Make the span before the admission. The subscriber is code of the program, and if it panicked
    // after the admission, the scope would wait for a thread that never starts.
    let scene = contain(|| Scene::of(record)).unwrap_or_else(|payload| {
        discard(payload);
        Scene(None)
    });
    // Admitted: the scope waits for the thread from here on, so this comes before the OS is asked
    // (invariant 5 of `rt`).
    core.admit(Entry { record: Arc::clone(record), task: Some(Arc::clone(task)) })?;
    if make.setting().is_some_and(|setting| setting.priority == Priority::Background) {
        need_maker(core);
    }
    core.root.cache.launch(&record.label.name, make, routine(scene)).map_err(|refusal| {
        // Admitted to dismissed. The node first: a listener that was hung below it must not wait
        // for a thread that never starts. `dismiss` then wakes the drivers of the scope.
        record.node.close();
        core.dismiss(record);
        SpawnError::Os(refusal)
    })?;
    if record.expects() {
        // The flag first. Pairs with `Looks::attend`, which *stopper* calls after it is woken.
        core.root.board.has_news();
        core.root.wake_stopper();
    }
    Ok(())
}

/// Refuses a name that no thread, and so no group of threads, can have.
pub(crate) fn check_name(name: &str) -> Result<(), SpawnError> {
    if name.is_empty() || name.contains('\0') { Err(SpawnError::InvalidName) } else { Ok(()) }
}

/// The spawner's subscriber, and a span of it for the thread. `None` if no subscriber is there.
/// Boxed, because each thread has one of these and most programs have no subscriber.
pub(super) struct Scene(Option<Box<(Dispatch, tracing::Span)>>);

impl Scene {
    fn of(record: &Record) -> Scene {
        if LevelFilter::current() == LevelFilter::OFF {
            return Scene(None);
        }
        let span = tracing::info_span!(
            target: "homebound::thread",
            "thread",
            thread.name = &*shown(&record.label.name),
            thread.id = record.id.0,
            purpose = &*shown(&record.label.purpose),
            path = &*shown(record.path()),
        );
        tracing::debug!(target: "homebound::thread", parent: &span, "spawned");
        Scene(Some(Box::new((tracing::dispatcher::get_default(Clone::clone), span))))
    }

    /// Runs `f` with the subscriber and inside the span, which goes on after it.
    pub(super) fn during(&self, f: impl FnOnce()) {
        match self.0.as_deref() {
            None => f(),
            Some((dispatch, span)) => tracing::dispatcher::with_default(dispatch, || span.in_scope(f)),
        }
    }

    /// Runs `f` as the last in the span.
    fn inside(mut self, f: impl FnOnce()) {
        match self.0.take() {
            None => f(),
            Some(scene) => in_span(*scene, f),
        }
    }
}

/// Not inlined, because its frame would be below every closure, in programs without a subscriber as
/// well, and a blocked thread pays for its stack by the page.
#[inline(never)]
fn in_span((dispatch, span): (Dispatch, tracing::Span), f: impl FnOnce()) {
    tracing::dispatcher::with_default(&dispatch, || {
        span.in_scope(f);
        drop(span);
    });
}

/// The drop of a span calls the subscriber, which is code of the program, so a panic is contained.
impl Drop for Scene {
    fn drop(&mut self) {
        discard(drop_contained(self.0.take()));
    }
}

/// The routine of the OS thread. Nothing of `'scope` is in this frame (invariant 1): `task` has
/// forgotten its types. Closure and result live and die in `Task::run`, which has returned before
/// `come_home` reports the end.
fn run_thread(
    record: &Arc<Record>,
    task: Arc<dyn Task<Arc<Record>>>,
    scene: Scene,
    os_thread: &Arc<OsThread>,
) {
    // Started: views have the ids of its OS thread from here on.
    record.start(os_thread.setting());
    os_thread.title().set(&record.label.purpose, record.core.place());
    marks::begin_closure();
    let mut outcome = None;
    let logged = contain(|| {
        scene.inside(|| {
            let entered = current::enter(Arc::clone(record), Arc::clone(&record.node), None);
            let (ended, told) = judge_end(record, task.run(record));
            outcome = Some(ended);
            told.iter().for_each(|failure| log_of(record, failure));
            // Drop callbacks that have not run while the thread still has a current context.
            record.node.close();
            drop(entered);
            tracing::debug!(target: "homebound::thread", "ended");
        });
    });
    if let Err(payload) = logged {
        // The subscriber panicked. Before the closure began, this is the failure of the thread.
        // After the closure, the outcome is known, so discard the panic.
        match outcome {
            Some(_) => discard(payload),
            None => {
                discard(task.clear());
                let (ended, told) = judge_end(record, Ran::Panicked(payload));
                outcome = Some(ended);
                told.iter().for_each(|failure| log_of(record, failure));
            }
        }
        record.node.close();
    }
    // Before the end is told, because from then on the entry of the scope alone may own the value
    // in the slot (invariant 2 of `rt`).
    drop(task);
    // The closure may have leaked the guard of a context that it entered, and this OS thread may
    // run another routine soon.
    current::leave_all();
    panic_hook::forget();
    come_home(record, outcome.unwrap_or(Outcome::Finished), Some(os_thread));
}

/// Turns the result of the closure into an outcome, and stops the scope and lists the failure at
/// once (F1). Code of the program that may block runs after that: callbacks, the subscriber, the
/// parts of an error. Returns a failure for the log.
fn judge_end(record: &Arc<Record>, ran: Ran) -> (Outcome, Option<Failure>) {
    record.end_start();
    let judged = judge_run(record, &record.node, ran, !record.is_isolated(), &|| record.origin());
    stop_at_end(record, judged.1.as_ref());
    judged
}

/// Turns the result of a closure, whose node is `node`, into an outcome, and a failure that is new.
/// `stops`: a failure stops the scope, before the program's code is asked what the error is.
/// `origin` is asked if it is a failure.
pub(crate) fn judge_run(
    record: &Arc<Record>,
    node: &Arc<Node>,
    ran: Ran,
    stops: bool,
    origin: &dyn Fn() -> Origin,
) -> (Outcome, Option<Failure>) {
    let core = &record.core;
    let failure = match ran {
        Ran::Done | Ran::Nothing => Err(Outcome::Finished),
        Ran::Panicked(payload) => {
            let place = panic_hook::place(&payload);
            Ok(Failure::panic(origin(), payload, place))
        }
        Ran::Failed(error) => {
            let happened = Happened::now();
            let calls = core.stop_before_judging(node, record.path(), stops);
            let failure = match classify(error, node, core) {
                ErrorClass::Stopped(cause) => Err(Outcome::Stopped(cause)),
                ErrorClass::Listed(failure) => Err(Outcome::Failed(failure)),
                ErrorClass::Failure(error, ids) => Ok(Failure::error_at(happened, origin(), error, ids)),
            };
            calls.run();
            failure
        }
    };
    match failure {
        Ok(failure) => (Outcome::Failed(failure.clone()), Some(failure)),
        Err(outcome) => (outcome, None),
    }
}

/// Stops the scope at the end of the thread, and lists its failure (F1).
pub(super) fn stop_at_end(record: &Arc<Record>, failure: Option<&Failure>) {
    if let Some(failure) = failure.filter(|_| !record.is_isolated()) {
        record.core.fail(failure, true);
    }
    if record.is_vital() {
        record.core.node.stop(StopReason::Vital { path: record.path().to_owned() });
    }
}

/// Reports the end of the thread: first to the threads that join it, then to the scope. After the
/// last line the scope may be gone. `os_thread` is `None` if no OS thread runs the thread.
///
/// Not inlined, because its frame would be below every closure, and a blocked thread pays for its
/// stack by the page.
#[inline(never)]
pub(super) fn come_home(record: &Arc<Record>, outcome: Outcome, os_thread: Option<&Arc<OsThread>>) {
    let core = &record.core;
    let reusable = os_thread.filter(|_| !outcome.is_panic());
    // Views show the thread until `end`, and its OS thread from here on, so no view misses both.
    os_thread.iter().for_each(|os_thread| os_thread.set_over());
    // Running to ended: the outcome is written before `done` is set, because a join reads it then.
    results::end(record, outcome);
    // Ask after the last code of the program, because that code may have stopped the root.
    let reusable = reusable.filter(|_| core.may_spawn_again());
    let at_once = reusable.filter(|_| record.close_sequel());
    if let Some(os_thread) = at_once {
        // Give the OS thread back before `done` is set, so that the next spawn of this name, which
        // may follow a join, finds the OS thread warm.
        core.root.cache.give_back(os_thread);
    }
    // Ended to done: joins go on. Pairs with `until_done`.
    record.done.set();
    // After `done`, because a starter that is woken takes the result.
    record.wake_starter();
    // Before the thread is counted out, because a callback that panics is a failure of the scope.
    record.tell_sequel();
    // A callback may block, and joiners did not wait for it, since `done` is set. It may also have
    // stopped the root, so ask again.
    let afterwards = reusable.filter(|_| at_once.is_none() && core.may_spawn_again());
    if let Some(os_thread) = afterwards {
        core.root.cache.give_back(os_thread);
    }
    // Done to home. From here on this thread uses only what its own `Arc`s keep alive (invariant 6
    // of `rt`).
    core.count_out(record);
    // Its own scope is home perhaps, and may be a group that no other thread will settle.
    settle_if_empty(core);
    // `finish_if_left` may wait for all threads of the root. If this OS thread was given back, it
    // may already have to run the next of these threads, and would wait for itself.
    if at_once.is_none() && afterwards.is_none() {
        finish_if_left(&core.root);
    }
}
