//! Owns the parts of a pool that its handles and its threads share.
//! Refuses to know how jobs are submitted (`handle`), queued (`line`) and run (`worker`).

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crossbeam_channel::Sender;

use super::end::End;
use super::errand::Helper;
use super::line::Line;
use super::packet::Work;
use super::parts::Queued;
use crate::tree::core::ScopeCore;
use crate::tree::current;
use crate::tree::pool_facts::PoolFacts;
use crate::tree::record::Record;
use crate::tree::text::Text;
use crate::{AtStop, Context, Failure, Result, Scope, SpawnError, SubmitError, ThreadBuilder};

/// The closure of a job without a handle.
pub(super) type Plain<'scope> = Box<dyn FnOnce(&Context) -> Result + Send + 'scope>;

/// A job in the queue.
pub(super) enum Item<'scope> {
    /// Without a handle: the closure, and the line that submitted it.
    Plain(Plain<'scope>, &'static Location<'static>),
    /// With a handle.
    Kept(Arc<dyn Work + 'scope>),
    /// Of a map: works until the source of the map is over.
    Help(Helper),
}

/// Wakes a waiting caller when it is dropped.
pub(super) type Waker = Sender<std::convert::Infallible>;

pub(super) struct Shared<'scope> {
    pub(super) line: Line<Item<'scope>, Waker>,
    /// The group of the threads.
    pub(super) group: Scope<'scope, 'scope>,
    /// How each thread is made.
    pub(super) thread: ThreadBuilder<'scope>,
    pub(super) at_stop: AtStop,
    /// Number of handles. When it comes to 0, no job can come any more.
    pub(super) handles: AtomicUsize,
}

impl<'scope> Shared<'scope> {
    pub(super) fn core(&self) -> &Arc<ScopeCore> {
        self.group.core()
    }

    pub(super) fn facts(&self) -> &PoolFacts {
        self.line.facts()
    }

    pub(super) fn purpose(&self) -> &Text {
        &self.thread.place().2.purpose
    }

    /// Ends jobs that no thread can run.
    pub(super) fn fail_all(
        &self,
        jobs: impl IntoIterator<Item = Queued<Item<'scope>>>,
        refusal: &SpawnError,
    ) {
        for queued in jobs {
            let at = match &queued.job {
                Item::Plain(_, at) => at,
                Item::Kept(work) => work.head().at,
                Item::Help(helper) => helper.errand().at,
            };
            // A failure of each job, because nothing of the program is at fault, and none of its
            // callers may miss it (P4).
            let why = format!("the pool has no thread that could run it: {refusal}");
            let failure = Failure::error(self.origin(queued.number, at), why.into(), Vec::new());
            self.drop_job(queued, &End::Failed(failure));
        }
    }

    /// True for a thread of the pool, and for a thread below one of its jobs.
    pub(super) fn is_inside(&self) -> bool {
        current::records().iter().any(|record| self.is_around(record))
    }

    /// The calling thread, if it is to run a queued job that it waits for: a thread of the pool, or
    /// a thread below one of its jobs. No other thread might come to that job before the caller is
    /// done.
    pub(super) fn runner(&self) -> Option<Arc<Record>> {
        let records = current::records();
        // A callback has a context of its job, which is in the pool on whatever thread it runs.
        // A thread of the pool first: its row shows the jobs that it is inside of.
        let is_of_pool = |record: &&Arc<Record>| self.is_around(record) && record.job().is_some();
        let below = || records.iter().find(|record| self.is_around(record) && !current::is_in_callback());
        records.iter().find(is_of_pool).or_else(below).cloned()
    }

    fn is_around(&self, record: &Record) -> bool {
        record.core.ancestors().any(|around| Arc::ptr_eq(around, self.core()))
    }

    /// Why a job cannot come, because the pool or its scope is over.
    pub(super) fn over(&self) -> SubmitError {
        let core = self.core();
        // A pool that was closed is over without a stop.
        // The node of a pool that has ended is marked too. Only a stop has an instant at which it
        // was asked for.
        if self.facts().is_closed() && core.node.asked_at().is_none() && core.node.is_marked() {
            return SubmitError::Closed;
        }
        let around = core.parent.as_ref().filter(|_| !core.node.is_marked());
        SubmitError::Stopped(around.unwrap_or(core).node.stopped())
    }
}
