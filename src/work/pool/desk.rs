//! Owns the context in which the jobs of one thread run, one after the other.
//! Refuses to run them: `worker` does.
//!
//! A job has a node of its own, below the thread's. The node of a job that has left nothing behind
//! serves the next job as well, so such a job costs no allocation. `Desk::clear_up` looks.

use std::sync::Arc;

use crate::Context;
use crate::rt::awake;
use crate::stop::limit::{Limit, Timer};
use crate::stop::node::{Link, Node};
use crate::tree::current::{self, Entered};
use crate::tree::job_now::JobNow;
use crate::tree::life::Now;
use crate::tree::panic_hook;
use crate::tree::record::Record;

/// The number of references to the node of a job that has kept none itself: its context, the stack
/// of contexts and `JobNow` have one each.
const OURS: usize = 3;

/// The place of one thread.
pub(super) struct Desk<'a> {
    /// The context of the thread.
    pub(super) thread: &'a Context,
    pub(super) now: &'a JobNow,
    /// The context of the present or next job.
    pub(super) job: Context,
    entered: Entered,
    /// The shield of drained jobs. Made by the first of them.
    shield: Option<Arc<Node>>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(thread: &'a Context, now: &'a JobNow) -> Desk<'a> {
        let job = below(thread.record(), thread.node());
        *now.node.lock() = Some(Arc::clone(job.node()));
        Desk { entered: job.enter(), job, thread, now, shield: None }
    }

    /// Puts another node in the place of the present one.
    fn renew(&mut self) {
        let parent = self.shield.as_ref().unwrap_or(self.thread.node());
        let job = below(self.thread.record(), parent);
        *self.now.node.lock() = Some(Arc::clone(job.node()));
        let gone = (std::mem::replace(&mut self.entered, job.enter()), std::mem::replace(&mut self.job, job));
        gone.1.node().close();
    }

    /// Called when the thread has been told to stop, for the first job that is run all the same:
    /// jobs from here on are shielded until the thread's share of the grace is over.
    pub(super) fn shield(&mut self) {
        if self.shield.is_some() || !self.thread.node().is_stopping() {
            return;
        }
        let (record, node) = (self.thread.record(), self.thread.node());
        let due = record.core.share_end(record);
        let left =
            due.map(|due| due.saturating_duration_since(awake::now())).unwrap_or(record.core.root.grace);
        let timer = Arc::clone(&record.core.root) as Arc<dyn Timer>;
        let shield = Node::limited(Limit::shield(left, node, timer));
        shield.attach(node);
        self.shield = Some(shield);
        self.renew();
    }

    /// Makes the desk as it was before the job: drops what the job has left on its node, in its
    /// record and on the stack of contexts. True if the job has told of a failure.
    #[inline]
    pub(super) fn clear_up(&mut self) -> bool {
        current::leave_above(&self.entered);
        panic_hook::forget();
        // Read after the job has ended: another thread that holds the node, to stop the job, either
        // is counted here, or finds that the job has ended.
        let kept = !self.job.node().is_unused() || Arc::strong_count(self.job.node()) != OURS;
        if kept {
            self.renew();
        }
        // A thread that has kept the context may be about to say that it has touched the record. It
        // asks under the lock of the record whether the node is closed, and this clears under it.
        (self.now.take_touched() || kept) && self.clear_record()
    }

    #[cold]
    fn clear_record(&self) -> bool {
        let (failed, note) =
            self.thread.record().life(|life| (std::mem::take(&mut life.failed), life.set_note(None)));
        drop(note);
        failed
    }

    /// The thread is at no item of a map any more.
    pub(super) fn leave_item(&self) {
        // Dropped with the lock free, because a note may be a large `String`.
        let _note = self.thread.record().life(|life| life.set_item(None));
    }

    /// Enters a context for a job that has its own node.
    pub(super) fn enter(&self, node: &Arc<Node>) -> (Context, Own<'a>) {
        node.attach(self.shield.as_ref().unwrap_or(self.thread.node()));
        let cx = Context::inside(self.thread.record(), node);
        let own = Own::enter(self.now, &cx);
        (cx, own)
    }
}

/// While it lives, the thread is at a job with its own node.
pub(super) struct Own<'a> {
    now: &'a JobNow,
    usual: Option<Arc<Node>>,
    pub(super) entered: Entered,
}

impl<'a> Own<'a> {
    pub(super) fn enter(now: &'a JobNow, cx: &Context) -> Own<'a> {
        let usual = now.node.lock().replace(Arc::clone(cx.node()));
        Own { now, usual, entered: cx.enter() }
    }
}

impl Drop for Own<'_> {
    fn drop(&mut self) {
        let own = std::mem::replace(&mut *self.now.node.lock(), self.usual.take());
        drop(own);
    }
}

/// Puts back what the calling thread was at, because its record shows something else meanwhile: the
/// items of a map, or a job that runs in place.
pub(super) struct KeptLife<'a> {
    own: &'a Record,
    now: Now,
}

impl<'a> KeptLife<'a> {
    pub(super) fn new(own: &'a Record) -> Self {
        KeptLife { own, now: own.life(|life| life.set_now(Now::default())) }
    }
}

impl Drop for KeptLife<'_> {
    fn drop(&mut self) {
        let now = std::mem::take(&mut self.now);
        // Dropped with the lock free, because a note may be a large `String`.
        let _note = self.own.life(|life| life.set_now(now));
    }
}

impl Drop for Desk<'_> {
    fn drop(&mut self) {
        self.job.node().close();
        self.shield.iter().for_each(|shield| shield.close());
        // With the lock free: the node may be the last owner of callbacks.
        let node = self.now.node.lock().take();
        drop(node);
    }
}

/// A context for a job: on the thread of `record`, with a stop of its own below `parent`.
fn below(record: &Arc<Record>, parent: &Arc<Node>) -> Context {
    let node = Node::new(Link::Inside);
    node.attach(parent);
    Context::inside(record, &node)
}
