//! Owns a thread from its spawn to its end: admission, start, verdict on its result.
//! Refuses to know when its scope ends, and which OS thread runs it.

use std::sync::Arc;

use tracing::Dispatch;
use tracing::level_filters::LevelFilter;

use crate::outcome::error::SpawnError;
use crate::outcome::failure::{Failure, Happened};
use crate::outcome::marks;
use crate::outcome::reason::StopReason;
use crate::rt::contain::{contain, discard, drop_contained};
use crate::rt::os_thread::{OsThread, ThreadOptions};
use crate::rt::packet::{Ran, Task};
use crate::rt::result::Result;
use crate::rt::shown::shown;
use crate::shutdown::owned::finish_if_left;
use crate::thread::failpoint;
use crate::tree::core::ScopeCore;
use crate::tree::propagate::log;
use crate::tree::record::Record;
use crate::tree::result_state::{self, Outcome};
use crate::tree::state::Entry;
use crate::tree::verdict::{Verdict, judge};
use crate::tree::{current, panic_hook};

/// Admits the thread, then asks the OS for it. A refusal leaves the scope as it was; the closure is dropped here.
pub(crate) fn launch(
    core: &Arc<ScopeCore>,
    record: &Arc<Record>,
    task: Arc<dyn Task<Arc<Record>>>,
    make: ThreadOptions,
) -> Result<(), SpawnError> {
    failpoint::may_spawn(record)?;
    // Before the admission: the subscriber is the user's, and what it raises may not leave a thread counted.
    let scene = contain(|| Scene::of(record)).unwrap_or_else(|payload| {
        discard(payload);
        Scene(None)
    });
    core.admit(Entry { record: Arc::clone(record), task: Some(Arc::clone(&task)) })?;
    let job = Box::new({
        let record = Arc::clone(record);
        move |os_thread: &Arc<OsThread>| run_job(&record, task, scene, os_thread)
    });
    core.root.cache.launch(&record.label.name, make, job).map_err(|refusal| {
        record.node.close();
        core.dismiss(record);
        SpawnError::Os(refusal)
    })
}

/// The spawner's subscriber, and a span of it for the thread. Boxed: most programs have none, and it is in every thread.
struct Scene(Option<Box<(Dispatch, tracing::Span)>>);

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

    fn inside(mut self, f: impl FnOnce()) {
        match self.0.take().map(|scene| *scene) {
            None => f(),
            Some((dispatch, span)) => tracing::dispatcher::with_default(&dispatch, || {
                span.in_scope(f);
                drop(span);
            }),
        }
    }
}

/// A span that ends is told to the subscriber, which is the user's.
impl Drop for Scene {
    fn drop(&mut self) {
        discard(drop_contained(self.0.take()));
    }
}

/// What the OS thread does. Nothing of `'scope` is in this frame (invariant 1): `task` has forgotten its types, and
/// closure and result live and die in `Task::run`, which has returned before anybody is told.
fn run_job(record: &Arc<Record>, task: Arc<dyn Task<Arc<Record>>>, scene: Scene, os_thread: &Arc<OsThread>) {
    record.start();
    os_thread.set_title(&record.label.purpose, record.core.place());
    marks::begin_job();
    let mut outcome = None;
    let logged = contain(|| {
        scene.inside(|| {
            let entered = current::enter(Arc::clone(record), Arc::clone(&record.node), None);
            let (ended, told) = judge_end(record, task.run(record));
            outcome = Some(ended);
            told.iter().for_each(log);
            // Callbacks that were not run are dropped while the thread still is somebody.
            record.node.close();
            drop(entered);
            tracing::debug!(target: "homebound::thread", "ended");
        });
    });
    if let Err(payload) = logged {
        // The subscriber panicked; if that was before the closure began, the thread has failed by it. If it was after, the
        // result is there to be taken.
        match outcome {
            Some(_) => discard(payload),
            None => {
                discard(task.clear());
                let (ended, told) = judge_end(record, Ran::Panicked(payload));
                outcome = Some(ended);
                told.iter().for_each(log);
            }
        }
        record.node.close();
    }
    drop(task);
    current::leave_all();
    panic_hook::forget();
    come_home(record, outcome.unwrap_or(Outcome::Finished), os_thread);
}

/// Makes an outcome of what the closure returned or raised, and stops and lists for it at once (F1): nothing that the program's code
/// may hold up, callbacks, a subscriber, the parts of an error, comes before that. Returns a failure that is to be logged.
fn judge_end(record: &Arc<Record>, ran: Ran) -> (Outcome, Option<Failure>) {
    let (core, stops) = (&record.core, !record.isolated);
    let failure = match ran {
        Ran::Done | Ran::Nothing => Err(Outcome::Finished),
        Ran::Panicked(payload) => {
            let place = panic_hook::place(&payload);
            Ok(Failure::panic(record.origin(), payload, place))
        }
        Ran::Failed(error) => {
            let happened = Happened::now();
            let calls = core.stop_before_judging(&record.node, record.path(), stops);
            let failure = match judge(error, &record.node, core) {
                Verdict::Stopped(cause) => Err(Outcome::Stopped(cause)),
                Verdict::Listed(failure) => Err(Outcome::Failed(failure)),
                Verdict::Failure(error, ids) => Ok(Failure::error_at(happened, record.origin(), error, ids)),
            };
            calls.run();
            failure
        }
    };
    if let (Ok(failure), true) = (&failure, stops) {
        core.fail(failure, true);
    }
    if record.vital {
        core.node.stop(StopReason::Vital { path: record.path().to_owned() });
    }
    match failure {
        Ok(failure) => (Outcome::Failed(failure.clone()), Some(failure)),
        Err(outcome) => (outcome, None),
    }
}

/// Tells the others: those who join it, then the scope. After the last line the scope may be gone.
fn come_home(record: &Arc<Record>, outcome: Outcome, os_thread: &Arc<OsThread>) {
    let core = &record.core;
    let panicked = outcome.is_panic();
    // Views show the thread until `end`, and its OS thread from here on: there is no moment at which neither is seen.
    os_thread.set_over();
    result_state::end(record, outcome);
    // When the last of the program's code has run: it may have stopped the root.
    let reusable = !panicked && core.may_spawn_again();
    let at_once = reusable && record.close_sequel();
    if at_once {
        // Before anybody learns of the end: the next spawn of this name finds the thread warm.
        os_thread.give_back();
    }
    record.done.set();
    record.tell_sequel();
    // What the program runs here may take its time, and nobody else was to wait for that; it may have stopped the root.
    let afterwards = reusable && !at_once && core.may_spawn_again();
    if afterwards {
        os_thread.give_back();
    }
    core.count_out(record);
    // Not with a job of the root's in the OS thread, which would be waited for by the thread that is to run it.
    if !(at_once || afterwards) {
        finish_if_left(&core.root);
    }
}
