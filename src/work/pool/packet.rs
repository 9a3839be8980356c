//! Owns one job with a handle: its closure and result, how far it has come, and the record by which
//! callers wait for it, which is made when somebody looks.
//! Refuses to queue and to run it.
//!
//! ```text
//! queued --begin--> running --conclude--> ended --(the line counts it)--> over
//! queued --(removed from the line)------> ended
//! ```
//!
//! The lock of the line decides which thread gets a queued job, so exactly one thread begins or
//! ends it. The lock of the stage decides which side gets its failure.
//!
//! **No caller waits for a job that is over.** A caller first makes the record, then looks at
//! `over`. The thread that ends the job first sets `over`, then looks for the record. Both do so
//! with SeqCst, so at least one of them sees what the other did, and sets the record's latch.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::end::End;
use crate::outcome::reason::Stop;
use crate::rt::contain::Payload;
use crate::rt::packet::{Claim, Packet, Ran, Task};
use crate::stop::node::{Link, Node};
use crate::sync::{AtomicBool, Mutex, OnceCell};
use crate::tree::core::ScopeCore;
use crate::tree::record::{Label, Record};
use crate::tree::results;
use crate::tree::state::Entry;
use crate::tree::traits::Traits;
use crate::{Context, JoinError, Result, Role};

/// A job with a handle, its types forgotten. Held by the queue and by the thread that runs it.
pub(super) trait Work: Send + Sync {
    fn head(&self) -> &Head;
    /// Runs the closure, at most once. Never unwinds.
    fn run(&self, cx: &Context) -> Ran;
    /// Drops the closure and the result. Returns the payload if that panicked.
    fn clear(&self) -> Option<Payload>;
}

/// The typed end of a job, held by its handle.
pub(super) trait Awaited<T>: Work {
    fn claim(&self) -> &dyn Claim<T>;
}

/// The job: one allocation for its head, closure and result.
pub(super) struct JobPacket<F, T> {
    head: Head,
    work: Packet<F, T>,
}

impl<F, T> JobPacket<F, T> {
    pub(super) fn new(head: Head, f: F) -> Arc<Self> {
        Arc::new(JobPacket { head, work: Packet::bare(f) })
    }
}

impl<F, T> JobPacket<F, T> {
    /// The closure, given back by a pool that did not take the job.
    pub(super) fn into_closure(self: Arc<Self>) -> Option<F> {
        // The caller has dropped the item of the queue, so this is the only owner.
        Arc::into_inner(self).and_then(|mut packet| packet.work.take_closure())
    }
}

impl<F, T> Work for JobPacket<F, T>
where
    F: FnOnce(&Context) -> Result<T> + Send,
    T: Send,
{
    fn head(&self) -> &Head {
        &self.head
    }

    fn run(&self, cx: &Context) -> Ran {
        self.work.run(cx)
    }

    fn clear(&self) -> Option<Payload> {
        Task::<Context>::clear(&self.work)
    }
}

impl<F, T> Awaited<T> for JobPacket<F, T>
where
    F: FnOnce(&Context) -> Result<T> + Send,
    T: Send,
{
    fn claim(&self) -> &dyn Claim<T> {
        &self.work
    }
}

/// The facts of a job besides its closure.
pub(super) struct Head {
    /// The line that submitted it.
    pub(super) at: &'static Location<'static>,
    /// If it has not begun by then, it expires.
    begin_by: Option<Instant>,
    /// Its end has been counted, so a caller that sees this finds its thread idle. Set under the
    /// lock of the line, read by callers.
    pub(super) over: AtomicBool,
    stage: Mutex<Stage>,
    /// Made by the first caller that blocks, listens or asks for an id, under the lock of `stage`.
    record: OnceCell<Arc<Record>>,
}

struct Stage {
    progress: Progress,
    asker: Asker,
    /// A stop that came when the job had left the queue and had not begun.
    stop: Option<Stop>,
}

/// How far a job has come; the header of this file draws the transitions.
enum Progress {
    Queued,
    /// It runs on this thread, below this node.
    Running {
        node: Arc<Node>,
        thread: Arc<Record>,
    },
    Ended(End),
}

/// Which side gets the failure of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    /// The handle, or the scope when it ends.
    Handle,
    /// The scope, at once: the handle is gone.
    Scope,
    /// The log only: the job was cancelled.
    Nobody,
}

impl Head {
    pub(super) fn new(at: &'static Location<'static>, begin_by: Option<Instant>) -> Head {
        let stage = Stage { progress: Progress::Queued, asker: Asker::Handle, stop: None };
        let (over, record) = (AtomicBool::new(false), OnceCell::new());
        Head { at, begin_by, over, stage: Mutex::new(stage), record }
    }

    pub(super) fn is_over(&self) -> bool {
        // SeqCst, as the store in `Line::finish`: see the header, "No caller waits".
        self.over.load(Ordering::SeqCst)
    }

    pub(super) fn begin_by(&self) -> Option<Instant> {
        self.begin_by
    }

    /// Why a queued job is not to be begun, if there is a reason.
    pub(super) fn refusal(&self) -> Option<End> {
        self.refusal_in(&self.stage.lock())
    }

    fn refusal_in(&self, stage: &Stage) -> Option<End> {
        let marked = || self.record.get().filter(|record| record.node.is_marked());
        // A stop comes by the handle (`stop`), or by a `Stopper`, which marks the node of the
        // record.
        let stop = stage.stop.clone().or_else(|| marked().map(|record| record.node.cause()));
        let expired = || self.begin_by.filter(|end| Instant::now() >= *end).map(|_| End::Expired);
        stop.map(End::Stopped).or_else(expired)
    }

    /// Queued -> running, on the calling thread, unless there is a reason against it. Returns the
    /// node of the job: its own, if a caller has looked at the job already, else `usual`.
    pub(super) fn begin(
        &self,
        thread: &Arc<Record>,
        usual: &Arc<Node>,
    ) -> std::result::Result<Arc<Node>, End> {
        let mut stage = self.stage.lock();
        if let Some(end) = self.refusal_in(&stage) {
            return Err(end);
        }
        let record = self.record.get();
        // A record that a caller has made before has a node, which its stoppers mark and to which
        // its callbacks are attached. So the job gets that node.
        let node = Arc::clone(record.map_or(usual, |record| &record.node));
        record.into_iter().for_each(|record| record.start_as(thread));
        // Queued -> running.
        stage.progress = Progress::Running { node: Arc::clone(&node), thread: Arc::clone(thread) };
        Ok(node)
    }

    /// Queued or running -> ended. The failure goes to the side that asks for it. Called before the
    /// line counts the job.
    pub(super) fn conclude(&self, core: &Arc<ScopeCore>, number: u64, end: &End) {
        let mut stage = self.stage.lock();
        // Queued or running -> ended. In the hold in which `asker` is read: a handle that is
        // released later finds the end (`release`), and one that was released before is seen here.
        let before = std::mem::replace(&mut stage.progress, Progress::Ended(end.clone()));
        let asker = stage.asker;
        let made = match (end, asker) {
            // A failure that is not asked for before the scope ends is found there (P4), so it
            // needs an entry in the tree.
            (End::Failed(_), Asker::Handle) => Some(Arc::clone(self.record_in(&stage, core, number))),
            _ => self.record.get().cloned(),
        };
        drop(stage);
        // With the lock free: the node may be the last reference to callbacks of the program's.
        drop(before);
        if let (End::Failed(failure), Asker::Scope) = (end, asker) {
            core.fail(failure, false);
        }
        let Some(record) = made else { return };
        // A stop that comes from now on finds a closed node, and runs no callback of this job.
        record.node.close();
        if let (End::Failed(_), Asker::Handle) = (end, asker) {
            // Home before the entry is there, because `results::remove_entry` leaves an entry of a
            // thread that is not home.
            record.set_home();
            core.lock().entries.insert(record.id.0, Entry { record: Arc::clone(&record), task: None });
        }
        results::end(&record, end.outcome());
    }

    /// True if the end of the job has to be told through its record.
    pub(super) fn is_looked_at(&self) -> bool {
        self.record.get().is_some()
    }

    /// Tells the end of a job that is over to the callers that have a record. Called after `over`
    /// is set, and again by a caller that makes the record later.
    pub(super) fn tell(&self) {
        if let Some(record) = self.record.get() {
            // Wakes the callers that wait. Pairs with `Job::wait_done`, and with `Job::done`.
            record.done.set();
            record.tell_sequel();
        }
    }

    /// The record of the job, for a caller that is about to wait for it, or to listen.
    pub(super) fn record(&self, core: &Arc<ScopeCore>, number: u64) -> &Arc<Record> {
        // Under the lock of the stage, so that the record is made of one stage: a job that begins
        // or ends meanwhile finds the record, and tells it (`begin`, `conclude`).
        let record = self.record_in(&self.stage.lock(), core, number);
        // After the record is there. Pairs with `tell`, which is called after `over` is set.
        if self.is_over() {
            self.tell();
        }
        record
    }

    fn record_in(&self, stage: &Stage, core: &Arc<ScopeCore>, number: u64) -> &Arc<Record> {
        let make = || {
            let purpose = core.pool.get().map(|pool| pool.purpose.clone()).unwrap_or_default();
            let label = Label { name: format!("job {number}").into(), purpose, at: self.at };
            // A running job has a node already, and a caller that stops the record has to reach it.
            let (node, thread) = match &stage.progress {
                Progress::Running { node, thread } => (Arc::clone(node), Some(thread)),
                Progress::Queued | Progress::Ended(_) => (Node::new(Link::Inside), None),
            };
            let traits = Traits { isolated: true, ..Traits::default() };
            let record = Record::new(label, Role::Worker, core, node, traits);
            record.set_path(match thread {
                Some(thread) => format!("{}/job {number}", thread.path()),
                None => format!("{}/job {number}", core.path()),
            });
            thread.into_iter().for_each(|thread| record.start_as(thread));
            if let Progress::Ended(end) = &stage.progress {
                // Nobody will stop it any more (S1).
                record.node.close();
                if !matches!(end, End::Failed(_)) {
                    results::end(&record, end.outcome());
                }
            }
            record
        };
        self.record.get_or_init(make)
    }

    /// Stops a job that has left the queue: marks its node, or has it not begun.
    pub(super) fn stop(&self, stop: &Stop) {
        let mut stage = self.stage.lock();
        let node = match &stage.progress {
            Progress::Running { node, .. } => Some(Arc::clone(node)),
            Progress::Queued => {
                // The thread that has taken the job out of the queue looks in `begin`, under this
                // lock.
                stage.stop = Some(stop.clone());
                None
            }
            Progress::Ended(_) => None,
        };
        drop(stage);
        // With the lock free, because a callback of the stop is the program's.
        node.iter().for_each(|node| node.mark_for(stop.clone()).run());
    }

    /// Marks the node of a job that runs.
    pub(super) fn stop_if_running(&self, stop: &Stop) {
        if !self.is_queued() {
            self.stop(stop);
        }
    }

    /// The record of a job that has failed.
    pub(super) fn failed_record(&self) -> Option<&Arc<Record>> {
        self.record.get()
    }

    /// True if the job has neither begun nor ended.
    pub(super) fn is_queued(&self) -> bool {
        matches!(self.stage.lock().progress, Progress::Queued)
    }

    /// The ending of the job, without the value, which is in the claim. `None` while it has not
    /// ended.
    pub(super) fn end(&self) -> Option<std::result::Result<(), JoinError>> {
        let Progress::Ended(end) = &self.stage.lock().progress else { return None };
        Some(end.joined())
    }

    /// No handle will ask for the job any more. Returns the record of a job that has failed, whose
    /// failure the caller hands over.
    pub(super) fn release(&self, cancelled: bool) -> Option<Arc<Record>> {
        let mut stage = self.stage.lock();
        // In the hold in which the end is looked at. Pairs with `conclude`: either it sees the new
        // asker, or this sees the end.
        stage.asker = if cancelled { Asker::Nobody } else { Asker::Scope };
        let failed = matches!(stage.progress, Progress::Ended(End::Failed(_)));
        self.record.get().filter(|_| failed).cloned()
    }
}
