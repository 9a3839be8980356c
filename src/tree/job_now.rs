//! Owns the present job of a thread of a pool, as the views show it: its number, its beginning, and
//! whether its failure stops the scope.
//! Refuses to know the closure of the job, which may borrow for `'scope`: `work::pool` does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::outcome::status::pool_status::JobStatus;
use crate::rt::time::coarse_since;
use crate::stop::node::Node;
use crate::sync::Mutex;

/// The present work of a thread of a pool. Written by the thread, read by views.
pub(crate) struct JobNow {
    /// The number of the job; 0 between two jobs.
    number: AtomicU64,
    /// When the job began, by the coarse clock.
    since: AtomicU64,
    /// True if the job has a handle, which gets its failure: then a failure stops nothing (F2).
    isolated: AtomicBool,
    /// The job has left a note or told of a failure, so that the record has to be put in order.
    touched: AtomicBool,
    /// Number of jobs that this thread has begun and not ended: more than one if a job that it
    /// joins runs in place.
    pub(crate) depth: AtomicU32,
    /// Number of jobs that this thread has dropped at a stop.
    pub(crate) dropped: AtomicU64,
    /// The node of the innermost job, below which jobs in place hang.
    pub(crate) node: Mutex<Option<Arc<Node>>>,
}

/// Which job a thread is at: a part of [`JobNow`], to be put back when a job in place is over.
#[derive(Clone, Copy, Default)]
pub(crate) struct JobMark {
    pub(crate) number: u64,
    pub(crate) since: u64,
    pub(crate) isolated: bool,
}

impl JobNow {
    pub(crate) fn new() -> JobNow {
        JobNow {
            number: AtomicU64::new(0),
            since: AtomicU64::new(0),
            isolated: AtomicBool::new(false),
            touched: AtomicBool::new(false),
            depth: AtomicU32::new(0),
            dropped: AtomicU64::new(0),
            node: Mutex::new(None),
        }
    }

    /// Shows this job. Returns the job that was shown.
    #[inline]
    pub(crate) fn show(&self, mark: JobMark) -> JobMark {
        let before = self.mark();
        self.since.store(mark.since, Ordering::Relaxed);
        self.isolated.store(mark.isolated, Ordering::Relaxed);
        self.number.store(mark.number, Ordering::Relaxed);
        before
    }

    fn mark(&self) -> JobMark {
        JobMark {
            number: self.number.load(Ordering::Relaxed),
            since: self.since.load(Ordering::Relaxed),
            isolated: self.isolated.load(Ordering::Relaxed),
        }
    }

    /// Called when the job leaves something in the record. Pairs with `take_touched`.
    pub(crate) fn touch(&self) {
        self.touched.store(true, Ordering::Relaxed);
    }

    /// True if the record has to be put in order after the job.
    #[inline]
    pub(crate) fn take_touched(&self) -> bool {
        self.touched.load(Ordering::Relaxed) && self.touched.swap(false, Ordering::Relaxed)
    }

    /// The number of the present job.
    pub(crate) fn number(&self) -> Option<u64> {
        Some(self.number.load(Ordering::Relaxed)).filter(|number| *number > 0)
    }

    /// Whether the failure of the present job stops nothing. `None` between two jobs.
    pub(crate) fn is_isolated(&self) -> Option<bool> {
        self.number().map(|_| self.isolated.load(Ordering::Relaxed))
    }

    pub(crate) fn status(&self) -> Option<JobStatus> {
        let mark = self.mark();
        (mark.number > 0).then(|| JobStatus { number: mark.number, running_for: coarse_since(mark.since) })
    }
}
