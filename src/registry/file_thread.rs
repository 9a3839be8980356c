//! Owns an internal thread for one file of a run: it does what may hang with the file's disk, a
//! network share whose server is gone or a file system that is frozen.
//! Refuses to know what a job does, and to keep another thread waiting: a hung disk holds this
//! thread, and at the end of the run the thread that joins it, as far as P7 lets it.
//!
//! ```text
//! open --give--> open      a job is listed, and the thread does it
//!      --close-> closed    the thread does the listed jobs, and ends; later jobs are the caller's
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use crate::rt::event_count::EventCount;
use crate::sync::locks::Mutex;
use crate::tree::record::Record;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;

/// The number of jobs that may be listed. The file hangs if there are more, so they are refused.
const MOST: usize = 16;

pub(crate) type FileJob = Box<dyn FnOnce() + Send>;

/// The list of one such thread.
#[derive(Default)]
pub(crate) struct FileThread {
    jobs: Mutex<Jobs>,
    /// Counts jobs, and the end. The thread sleeps on it, woken by `give` and `close`.
    changes: EventCount,
}

#[derive(Default)]
struct Jobs {
    /// Written by `give`, taken by the thread.
    listed: VecDeque<FileJob>,
    /// Set once, by `close`.
    is_closed: bool,
}

/// A job that the thread does not do.
pub(crate) enum Refused {
    /// The jobs before it hang.
    Full,
    /// The run is at its end, so that the caller may do the job.
    Closed(FileJob),
}

impl FileThread {
    /// Lists a job, then wakes the thread. Pairs with `work`.
    pub(crate) fn give(&self, job: FileJob) -> Result<(), Refused> {
        let mut jobs = self.jobs.lock();
        if jobs.is_closed {
            return Err(Refused::Closed(job));
        }
        if jobs.listed.len() >= MOST {
            return Err(Refused::Full);
        }
        jobs.listed.push_back(job);
        drop(jobs);
        self.changes.notify();
        Ok(())
    }

    /// Open -> closed. The thread ends when it has done the listed jobs. Pairs with `work`.
    pub(crate) fn close(&self) {
        self.jobs.lock().is_closed = true;
        self.changes.notify();
    }

    /// Runs on the thread: does the listed jobs, until `close`.
    pub(crate) fn work(&self, own: &Arc<Record>) {
        loop {
            // Before the look at the list: a job that comes after this ends the wait at once.
            // Pairs with `give` and `close`.
            let seen = self.changes.epoch();
            let mut jobs = self.jobs.lock();
            let (job, is_closed) = (jobs.listed.pop_front(), jobs.is_closed);
            drop(jobs);
            // The list first, then the end: `close` promises that the listed jobs are done.
            match job {
                Some(job) => job(),
                None if is_closed => return,
                None => {
                    let _waits = WaitMark::of("work", own.label.at, Of::Nobody, Some(Arc::clone(own)));
                    self.changes.wait(seen, None);
                }
            }
        }
    }
}
