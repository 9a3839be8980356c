//! Owns what a set asks of a member: its result, its stop, and the thread that is waited for.
//! Refuses to wait: the set does.

use std::sync::Arc;

use crate::outcome::reason::Stop;
use crate::tree::record::Record;
use crate::{Handle, Job, JoinError, OnStop, Result, StopReason};

/// A thread or a job of a set.
pub(super) enum Member<'scope, T> {
    Thread(Handle<'scope, T>),
    Job {
        job: Job<'scope, T>,
        /// The callback by which the job sends its id: it is forgotten with the member.
        _told: OnStop,
    },
}

impl<'scope, T> Member<'scope, T> {
    /// What it returned, if it has ended.
    pub(super) fn try_join(&mut self) -> Option<Result<T, JoinError>> {
        match self {
            Member::Thread(thread) => thread.try_join(),
            Member::Job { job, .. } => job.try_join(),
        }
    }

    /// Tells it to stop, unless it has ended.
    pub(super) fn stop_for(&self, reason: &StopReason) {
        match self {
            Member::Thread(thread) if thread.is_finished() => {}
            Member::Thread(thread) => thread.record().node.stop(reason.clone()),
            Member::Job { job, .. } if job.is_finished() => {}
            Member::Job { job, .. } => job.stop_for(&Stop::new(reason.clone())),
        }
    }

    /// The job, if it is one that has not begun.
    pub(super) fn queued(&self) -> Option<&Job<'scope, T>> {
        match self {
            Member::Job { job, .. } if job.is_queued() => Some(job),
            Member::Job { .. } | Member::Thread(_) => None,
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Member::Thread(thread) => thread.name().to_owned(),
            Member::Job { job, .. } => format!("job {}", job.number()),
        }
    }

    /// The thread, for the search for cycles. A job is not searched for: no thread may have it yet.
    pub(super) fn thread(&self) -> Option<&Arc<Record>> {
        match self {
            Member::Thread(thread) => Some(thread.record()),
            Member::Job { .. } => None,
        }
    }
}
