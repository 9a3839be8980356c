//! Owns the wait of a joiner: the run of the job in place, the short poll, the sleep, and the stops
//! that the joiner hears meanwhile.
//! Refuses to take the result: `job` does.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Job;
use crate::outcome::reason::Stop;
use crate::rt::spin::{A_WAKE_UP, spin_until};
use crate::stop::node::Node;
use crate::thread::blocking::{until_done, wake_on_stop};
use crate::thread::context;
use crate::tree::deadlock::Joining;
use crate::tree::job_now::JobNow;
use crate::tree::record::Record;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::work::pool::parts::Queued;
use crate::work::pool::shared::Item;
use crate::work::pool::worker::DEEPEST;
use crate::{AtStop, Context, JoinError, Result};

impl<T> Job<'_, T> {
    /// Runs a queued job here, if the caller is inside of a job of its pool. True if it was run.
    pub(in crate::work) fn run_in_place(&self) -> Result<bool, JoinError> {
        if !self.is_queued() {
            return Ok(false);
        }
        // A thread of the pool, or a thread below one of its jobs. For any other caller, a thread
        // of the pool will come to the job.
        let Some(thread) = self.shared.runner() else { return Ok(false) };
        let now = thread.extras().job.get_or_init(JobNow::new);
        // Relaxed, because the count bounds the stack of the calling thread, and orders nothing.
        if now.depth.load(Ordering::Relaxed) >= DEEPEST {
            let paths = [thread.origin().path, self.record().path().to_owned()];
            return Err(JoinError::WouldDeadlock { cycle: paths.into() });
        }
        // `None` if another thread has begun it meanwhile.
        let Some(Queued { job: Item::Kept(work), .. }) = self.shared.line.remove(self.number) else {
            return Ok(false);
        };
        self.shared.run_in_place(&thread, now, self.number, &*work);
        Ok(true)
    }

    /// Polls for a moment for the end of a short job.
    pub(super) fn is_near(&self) -> bool {
        spin_until(A_WAKE_UP, || self.head().is_over())
    }

    /// Blocks until the job is over (true), or until `end` (false).
    pub(super) fn wait(
        &self,
        end: Option<Instant>,
        caller: &'static Location<'static>,
    ) -> Result<bool, JoinError> {
        let record = self.record();
        let _mark = WaitMark::on("join", caller, Of::Thread(Arc::clone(record)));
        // A wait with a time-out is no part of a cycle (W2).
        let joining = if end.is_none() { Some(Joining::begin(record)?) } else { None };
        let ended = self.wait_done(record, end, joining.as_ref());
        match joining {
            Some(joining) if !ended => Err(joining.refusal()),
            _ => Ok(ended),
        }
    }

    /// Pairs with `Head::tell`, which sets `done`. The joiner is also woken by what may end a job
    /// that has not begun, and ends the job itself: the closure of the job is the program's, so no
    /// stopping thread drops it.
    fn wait_done(&self, record: &Arc<Record>, end: Option<Instant>, joining: Option<&Joining>) -> bool {
        let around = context::current();
        // A stop of the job by a `Stopper`, before it has begun.
        // Both relays are there before the first look at the nodes in `looks`, so that a stop which
        // comes between the look and the sleep wakes this wait.
        let _of_job = wake_on_stop(record, &record.node);
        // A stop of the joiner: the job may be what the joiner waits for until it is overdue,
        // because the pool is told only when its users are home.
        let _of_joiner = around.as_ref().map(|cx| wake_on_stop(record, cx.node()));
        let gives_up = || joining.is_some_and(Joining::is_given_up);
        // Earlier than the end of this wait only: a later instant would never be reached.
        let mut expires = self.head().begin_by().filter(|by| end.is_none_or(|end| *by < end));
        // What this wait has not heard of yet.
        let mut of_job = Some(&record.node);
        let mut of_joiner = around.as_ref().map(Context::node);
        let is_marked = |node: Option<&Arc<Node>>| node.is_some_and(|node| node.is_marked());
        loop {
            let looks = || gives_up() || is_marked(of_job) || is_marked(of_joiner);
            if until_done(record, expires.or(end), &looks) {
                return true;
            }
            if gives_up() {
                return false;
            }
            if let Some(node) = of_joiner.take_if(|node| node.is_marked()) {
                // The job is told, and this wait goes on until the job has ended, as every join
                // does.
                self.hear_joiner(&node.cause());
            } else if of_job.take_if(|node| node.is_marked()).is_some() || expires.take().is_some() {
                self.end_if_due();
            } else {
                return false;
            }
        }
    }

    /// The joiner was told to stop. A job that is to be drained is not.
    fn hear_joiner(&self, stop: &Stop) {
        if self.shared.at_stop == AtStop::Drain {
            self.head().stop_if_running(stop);
        } else {
            self.stop_for(stop);
        }
    }
}
