//! Owns what a supervisor shares with its children and with readers, none of which borrows
//! anything: the ends of runs on their way in, its history, and a row for each child.
//! Refuses to decide anything.
//!
//! A child that has ended posts that, as the very last step of its run, and rings the bell. The
//! supervisor closes the board when it ends itself; an end that is not posted by then ends the
//! child for good (`down` returns false). So each end is either taken in, or nobody's but the
//! child's.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::outcome::reason::{Stop, StopReason};
use crate::sync::{AtomicBool, Mutex};
use crate::tree::record::Record;
use crate::tree::result_state::Outcome;
use crate::{Failure, ThreadId};

/// Number of failures that the history keeps.
const LATEST: usize = 16;

/// Number of children that are over whose names are in the supervisor's row, the latest.
const NAMED: usize = 4;

pub(super) struct Board {
    /// Ends that the supervisor has not taken in. `None` once it takes no more.
    ends: Mutex<Option<Vec<End>>>,
    /// Rung after each post; one ring is enough for any number of them.
    bell: Sender<()>,
    /// The supervisor listens here.
    pub(super) rung: Receiver<()>,
    rows: Mutex<Vec<Arc<Row>>>,
    history: Mutex<History>,
    /// True if it may end by itself, so that a join of it is no wait for ever (A18). Written by it
    /// and its builder, read by joins.
    may_end: AtomicBool,
    /// True once it was asked to leave. Written by handles, read by joins.
    left: AtomicBool,
    /// How the supervisor ends. Written by it, before it refuses the first request, and for the
    /// last time before its thread is done.
    ending: Mutex<Option<Ending>>,
}

#[derive(Default)]
struct History {
    restarts: u64,
    failures: VecDeque<Failure>,
}

/// How a supervisor ends.
#[derive(Clone)]
pub(super) enum Ending {
    /// Without a failure, for this reason.
    Over(StopReason),
    Failed(Failure),
    Stopped(Stop),
}

/// The end of a run.
pub(super) struct End {
    /// The child, as its supervisor numbers them.
    pub(super) key: u64,
    pub(super) outcome: Outcome,
    /// False if it was to say that it is ready, and has not.
    pub(super) ready: bool,
    pub(super) at: Instant,
    pub(super) lasted: Duration,
}

/// What a child does now.
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
    /// What it does now.
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
    vital: bool,
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
        (facts.state, facts.until) = (state, until);
        let record = if state == ChildState::Ended { facts.record.take() } else { None };
        if let Some(record) = &record {
            facts.restarts = restarts(record);
        }
        drop(facts);
        // With the lock free, because it may be the last owner of the program's values.
        drop(record);
    }

    pub(super) fn set_run(&self, run: u64) {
        self.facts.lock().run = run;
    }

    pub(super) fn is_over(&self) -> bool {
        self.facts.lock().state == ChildState::Ended
    }

    fn set_failure(&self, failure: &Failure) {
        let before = self.facts.lock().last_failure.replace(failure.clone());
        drop(before);
    }

    fn status(&self) -> ChildStatus {
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

impl End {
    /// `None` for an `Ok`, or a stop.
    pub(super) fn failure(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Failed(failure) => Some(failure),
            Outcome::Finished | Outcome::Stopped(_) => None,
        }
    }
}

impl Board {
    pub(super) fn new() -> Arc<Board> {
        let (bell, rung) = bounded(1);
        Arc::new(Board {
            ends: Mutex::new(Some(Vec::new())),
            bell,
            rung,
            rows: Mutex::default(),
            history: Mutex::default(),
            may_end: AtomicBool::new(false),
            left: AtomicBool::new(false),
            ending: Mutex::new(None),
        })
    }

    /// Posts the end of a run, and wakes the supervisor. False if it takes no more.
    pub(super) fn post(&self, end: End) -> bool {
        let is_open = self.ends.lock().as_mut().map(|ends| ends.push(end)).is_some();
        self.ring();
        is_open
    }

    /// Wakes the supervisor, after a post. Pairs with `Keeper::wait`.
    pub(super) fn ring(&self) {
        let _full_is_fine = self.bell.try_send(());
    }

    /// Takes the ends that have been posted.
    pub(super) fn take_ends(&self) -> Vec<End> {
        self.ends.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The same, and takes no more.
    pub(super) fn close(&self) -> Vec<End> {
        self.ends.lock().take().unwrap_or_default()
    }

    pub(super) fn add(&self, row: &Arc<Row>) {
        self.rows.lock().push(Arc::clone(row));
    }

    /// Takes out the rows of this name; with `over`, only rows of children that are over. True if
    /// there was a row.
    pub(super) fn remove(&self, name: &str, over: bool) -> bool {
        let goes = |row: &Arc<Row>| row.name == name && (!over || row.is_over());
        let mut rows = self.rows.lock();
        let (gone, left): (Vec<_>, Vec<_>) = std::mem::take(&mut *rows).into_iter().partition(goes);
        *rows = left;
        drop(rows);
        // With the lock free, because failures are dropped with them.
        !gone.is_empty()
    }

    /// The child of this name that is not over, and the number of its last run that was asked for.
    pub(super) fn last_run(&self, name: &str) -> Option<(Arc<Record>, u64)> {
        let rows = self.rows.lock();
        let live = |row: &Arc<Row>| {
            let facts = row.facts.lock();
            facts.record.clone().map(|record| (record, facts.run))
        };
        rows.iter().filter(|row| row.name == name).find_map(live)
    }

    /// The vital children that are not over.
    pub(super) fn vital(&self) -> Vec<Arc<Record>> {
        let rows = self.rows.lock();
        let live = |row: &Arc<Row>| row.facts.lock().record.clone();
        rows.iter().filter(|row| row.vital).filter_map(live).collect()
    }

    pub(super) fn children(&self) -> Vec<ChildStatus> {
        let rows = self.rows.lock().clone();
        rows.iter().map(|row| row.status()).collect()
    }

    /// The names of the children that are over, for the supervisor's row.
    pub(super) fn over(&self) -> String {
        let rows = self.rows.lock().clone();
        let over: Vec<_> = rows.iter().filter(|row| row.is_over()).map(|row| &*row.name).collect();
        let more = over.len().saturating_sub(NAMED);
        let named = over[more..].join(", ");
        if more == 0 { named } else { format!("{more} more and {named}") }
    }

    /// Enters a failure of this child into the history.
    pub(super) fn remember(&self, row: &Row, failure: &Failure) {
        row.set_failure(failure);
        let mut history = self.history.lock();
        history.failures.push_back(failure.clone());
        let gone = if history.failures.len() > LATEST { history.failures.pop_front() } else { None };
        drop(history);
        drop(gone);
    }

    pub(super) fn count_restart(&self) {
        self.history.lock().restarts += 1;
    }

    pub(super) fn restarts(&self) -> u64 {
        self.history.lock().restarts
    }

    pub(super) fn failures(&self) -> Vec<Failure> {
        self.history.lock().failures.iter().cloned().collect()
    }

    pub(super) fn set_may_end(&self, may_end: bool) {
        // Relaxed, here and below, because it is a fact of its own, and orders nothing.
        self.may_end.store(may_end, Ordering::Relaxed);
    }

    pub(super) fn may_end(&self) -> bool {
        self.may_end.load(Ordering::Relaxed)
    }

    pub(super) fn set_left(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    pub(super) fn set_ending(&self, ending: Ending) {
        let before = self.ending.lock().replace(ending);
        drop(before);
    }

    pub(super) fn ending(&self) -> Option<Ending> {
        self.ending.lock().clone()
    }
}
