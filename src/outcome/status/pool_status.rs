//! Owns the numbers of a pool and of the job that a thread of a pool runs, as plain data.
//! Refuses to count: the pool does.

use std::fmt;
use std::time::Duration;

use crate::outcome::words::{Span, Thousands};

/// The numbers of a pool, at one moment. From [`Pool::status`](crate::Pool::status), and in a
/// [`Snapshot`](crate::Snapshot) at the pool's group.
///
/// Each job that the pool took is counted once: it is queued, it runs, or it has ended as one of
/// the five counts says.
///
/// ```
/// homebound::scope(|scope| {
///     let pool = scope.pool("adders", "add numbers").threads(2).start()?;
///     pool.execute(scope.context(), |_| Ok(()))?;
///     pool.wait_idle(scope.context())?;
///     let status = pool.status();
///     assert_eq!((status.done, status.queued, status.running), (1, 0, 0));
///     println!("{status}"); // 0 queued, 1 done
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PoolStatus {
    /// Number of threads that the pool has, idle ones and starting ones included.
    pub threads: usize,
    /// Number of jobs that have begun and have not ended.
    pub running: usize,
    /// Number of jobs that have not begun.
    pub queued: usize,
    /// Number of jobs that the queue holds, besides a job for each idle thread.
    pub places: usize,
    /// Number of callers that wait for a place in the queue.
    pub waiting: usize,
    /// Time for which the oldest job in the queue has waited, to within a few milliseconds; `None`
    /// if the queue is empty.
    pub oldest_wait: Option<Duration>,
    /// Number of jobs that returned `Ok`.
    pub done: u64,
    /// Number of jobs that returned an error, panicked, or told of a failure.
    pub failed: u64,
    /// Number of jobs that ended because they were told to stop, also before they began.
    pub stopped: u64,
    /// Number of jobs that were dropped from the queue at a stop.
    pub dropped: u64,
    /// Number of jobs that had not begun in time (see
    /// [`Pool::submit_within`](crate::Pool::submit_within)).
    pub expired: u64,
}

impl fmt::Display for PoolStatus {
    /// `2 queued, 9,311 done, oldest waits 1.2 s`; a pool that has no place says so first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.waiting > 0 {
            write!(f, "FULL ({} wait for a place), ", Thousands(self.waiting as u64))?;
        // A queue without places is full only once a job is queued in it.
        } else if self.queued > 0 && self.queued >= self.places {
            f.write_str("FULL, ")?;
        }
        write!(f, "{} queued, {} done", Thousands(self.queued as u64), Thousands(self.done))?;
        let others = [
            (self.failed, "failed"),
            (self.stopped, "stopped"),
            (self.dropped, "dropped"),
            (self.expired, "expired"),
        ];
        for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {} {what}", Thousands(count))?;
        }
        match self.oldest_wait {
            Some(wait) => write!(f, ", oldest waits {}", Span(wait)),
            None => Ok(()),
        }
    }
}

/// The job that a thread of a pool runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct JobStatus {
    /// The number of the job, counted by its pool from 1.
    pub number: u64,
    /// Time since the job began, to within a few milliseconds.
    pub running_for: Duration,
}
