//! Owns what readers are shown of one child of a supervisor, also when the child is over.
//! Refuses to keep the rows of all children: `board` does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sync::Mutex;
use crate::tree::record::Record;
use crate::{Failure, ThreadId};

/// The present state of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum ChildState {
    /// A run has begun, and has not said that it is ready.
    Starting,
    /// A run is on.
    Running,
    /// It waits for its next run: for the end of a pause, or for its siblings.
    Pausing,
    /// A run was told to stop.
    Stopping,
    /// It was stopped on purpose, until it is restarted.
    Stopped,
    /// It has ended, and does not run again.
    Ended,
}

/// A child, as [`Supervisor::children`](crate::work::Supervisor::children) shows it.
///
/// ```
/// use homebound::work::ChildState;
///
/// homebound::scope(|scope| {
///     let sup = scope.supervisor("ingest", "keeps the feed");
///     let sup = sup.child("feed", "reads", |cx| Ok(drop(cx.wait_for_stop()))).start()?;
///     let children = sup.children();
///     let feed = &children[0];
///     assert_eq!((&*feed.name, feed.state, feed.restarts), ("feed", ChildState::Running, 0));
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ChildStatus {
    /// Its name.
    pub name: String,
    /// The present state of the child.
    pub state: ChildState,
    /// The number of its present or last run, from 1.
    pub run: u64,
    /// The number of restarts that were decided, for whatever reason: the one that a pause comes
    /// before counts.
    pub restarts: u64,
    /// The last failure of it that the supervisor has answered.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::shown"))]
    pub last_failure: Option<Failure>,
    /// The time until its next run, while it pauses.
    pub pause_left: Option<Duration>,
    /// Its thread, which has one id for all runs.
    pub id: ThreadId,
}

/// A child, for readers. Written by the supervisor alone.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) id: ThreadId,
    /// Its end ends the supervisor.
    pub(super) vital: bool,
    facts: Mutex<Facts>,
}

struct Facts {
    state: ChildState,
    /// The end of its pause.
    until: Option<Instant>,
    last_failure: Option<Failure>,
    /// While the child is not over.
    record: Option<Arc<Record>>,
    /// The number of its last run that was asked for.
    run: u64,
    /// Once it is over.
    restarts: u64,
}

impl Row {
    pub(super) fn new(record: &Arc<Record>, vital: bool) -> Arc<Row> {
        let record = Arc::clone(record);
        let (name, id) = (record.label.name.clone().into_owned(), record.id);
        let facts = Facts {
            state: ChildState::Starting,
            until: None,
            last_failure: None,
            record: Some(record),
            run: 1,
            restarts: 0,
        };
        Arc::new(Row { name, id, vital, facts: Mutex::new(facts) })
    }

    pub(super) fn set(&self, state: ChildState, until: Option<Instant>) {
        let mut facts = self.facts.lock();
        // A pause may be set anew, for instance by the failure of a second sibling. It is one
        // restart all the same.
        let new_pause = state == ChildState::Pausing && facts.state != ChildState::Pausing;
        if let Some(runs) = facts.record.as_ref().and_then(|record| record.traits.runs.as_ref()) {
            runs.look(|runs| {
                // Counted when it is decided, as the supervisor and a policy of its own count.
                runs.restarts += u64::from(new_pause);
                runs.pause_end = until;
            });
        }
        // The state, the count and the end of the pause in one hold, so that a reader finds all of
        // one moment.
        (facts.state, facts.until) = (state, until);
        // Any -> ended. The record goes, so that a child that is over costs no more than its row.
        let record = if state == ChildState::Ended { facts.record.take() } else { None };
        if let Some(record) = &record {
            // The count is in the record until now. Taken over, because readers ask for it
            // afterwards.
            facts.restarts = restarts(record);
        }
        drop(facts);
        // With the lock free, because it may be the last owner of the program's values.
        drop(record);
    }

    /// A run is asked for. Its number comes with the state, and the old pause goes.
    pub(super) fn begin(&self, run: u64) {
        let mut facts = self.facts.lock();
        (facts.state, facts.until, facts.run) = (ChildState::Starting, None, run);
    }

    pub(super) fn is_over(&self) -> bool {
        self.facts.lock().state == ChildState::Ended
    }

    /// The child, and the number of its last run that was asked for. `None` once it is over.
    pub(super) fn last_run(&self) -> Option<(Arc<Record>, u64)> {
        let facts = self.facts.lock();
        facts.record.clone().map(|record| (record, facts.run))
    }

    /// Keeps the last failure. Returns the one before, which the caller drops when its locks are
    /// free, because the error in it is the program's.
    pub(super) fn set_failure(&self, failure: &Failure) -> Option<Failure> {
        self.facts.lock().last_failure.replace(failure.clone())
    }

    pub(super) fn status(&self) -> ChildStatus {
        let facts = self.facts.lock();
        let record = facts.record.as_ref();
        let restarts = record.map_or(facts.restarts, |record| restarts(record));
        // A child that the end of the supervisor has left to the scope ends without it.
        let has_ended = record.is_some_and(|record| record.has_ended());
        ChildStatus {
            name: self.name.clone(),
            state: if has_ended { ChildState::Ended } else { facts.state },
            run: facts.run,
            restarts,
            last_failure: facts.last_failure.clone(),
            pause_left: facts.until.map(|until| until.saturating_duration_since(Instant::now())),
            id: self.id,
        }
    }
}

fn restarts(record: &Record) -> u64 {
    record.traits.runs.as_ref().map_or(0, |runs| runs.look(|runs| runs.restarts))
}
