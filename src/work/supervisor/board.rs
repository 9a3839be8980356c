//! Owns what a supervisor shares with its children and with readers, none of which borrows
//! anything: the ends of runs on their way in, its history, and a row for each child.
//! Refuses to decide anything.
//!
//! A child that has ended posts that, as the very last step of its run, and rings the bell. The
//! supervisor closes the board when it ends itself; an end that is not posted by then ends the
//! child for good (`down` returns false). So each end is either taken in, or nobody's but the
//! child's.

use std::collections::VecDeque;
use std::ops::DerefMut;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::Failure;
use crate::outcome::reason::{Stop, StopReason};
use crate::sync::{AtomicBool, Mutex};
use crate::tree::record::Record;
use crate::tree::result_state::Outcome;
use crate::work::supervisor::row::{ChildStatus, Row};

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
    /// A row for each child, also for one that is over, in the order of their first starts. Written
    /// by the supervisor, read by handles and by the search for cycles.
    rows: Mutex<Vec<Arc<Row>>>,
    /// Written by the supervisor, read by handles. Taken before the locks of rows. Held by the
    /// supervisor over a restart, so that readers see its count, its failure and the new states of
    /// the rows at once, or none of them.
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

/// The restarts that the supervisor has made, and the latest failures.
#[derive(Default)]
pub(super) struct History {
    pub(super) restarts: u64,
    /// The latest, at most [`LATEST`], the oldest first.
    failures: VecDeque<Failure>,
}

impl History {
    /// Enters a failure. Returns the oldest one if that makes room. The caller drops it when the
    /// lock is free, because the error in it is the program's.
    pub(super) fn remember(&mut self, failure: &Failure) -> Option<Failure> {
        self.failures.push_back(failure.clone());
        if self.failures.len() > LATEST { self.failures.pop_front() } else { None }
    }
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
        // Pairs with `close`: either the end is in the list that `close` returns, or this finds the
        // board closed, and the child ends by itself.
        let is_open = self.ends.lock().as_mut().map(|ends| ends.push(end)).is_some();
        self.ring();
        is_open
    }

    /// Wakes the supervisor, after a post. Pairs with `Keeper::wait`.
    pub(super) fn ring(&self) {
        // A full bell has not been heard yet. The supervisor empties it before it looks at the
        // lists (`Keeper::wait`), so it will see this post as well.
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

    /// Adds the row of a new child, in the place of rows of children of its name that are over.
    pub(super) fn add(&self, row: &Arc<Row>) {
        self.replace(&row.name, true, Some(Arc::clone(row)));
    }

    /// Takes out the rows of this name; with `over`, only rows of children that are over. True if
    /// there was a row.
    pub(super) fn remove(&self, name: &str, over: bool) -> bool {
        self.replace(name, over, None)
    }

    fn replace(&self, name: &str, over: bool, new: Option<Arc<Row>>) -> bool {
        let goes = |row: &Arc<Row>| row.name == name && (!over || row.is_over());
        // One hold, so that no reader finds the list empty, or without a child of this name.
        let mut rows = self.rows.lock();
        let (gone, left): (Vec<_>, Vec<_>) = std::mem::take(&mut *rows).into_iter().partition(goes);
        *rows = left;
        rows.extend(new);
        drop(rows);
        // With the lock free, because failures are dropped with them.
        !gone.is_empty()
    }

    /// The child of this name that is not over, and the number of its last run that was asked for.
    pub(super) fn last_run(&self, name: &str) -> Option<(Arc<Record>, u64)> {
        let rows = self.rows.lock();
        rows.iter().filter(|row| row.name == name).find_map(|row| row.last_run())
    }

    /// The vital children that are not over.
    pub(super) fn vital(&self) -> Vec<Arc<Record>> {
        let rows = self.rows.lock();
        rows.iter().filter(|row| row.vital).filter_map(|row| row.last_run()).map(|(child, _)| child).collect()
    }

    pub(super) fn children(&self) -> Vec<ChildStatus> {
        // No restart is half told.
        let _history = self.history.lock();
        let rows = self.rows.lock().clone();
        rows.iter().map(|row| row.status()).collect()
    }

    /// The names of the children that are over, for the supervisor's row.
    pub(super) fn over(&self) -> String {
        let rows = self.rows.lock().clone();
        let over: Vec<_> = rows.iter().filter(|row| row.is_over()).map(|row| &*row.name).collect();
        let more = over.len().saturating_sub(NAMED);
        // The rows are in the order of the first starts, so these are the latest.
        let named = over[more..].join(", ");
        if more == 0 { named } else { format!("{more} more and {named}") }
    }

    /// The history, locked: no reader sees it, or the rows, until the caller lets go of it.
    pub(super) fn history(&self) -> impl DerefMut<Target = History> {
        self.history.lock()
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
        // As in `set_failure`: an ending may own a failure.
        let before = self.ending.lock().replace(ending);
        drop(before);
    }

    pub(super) fn ending(&self) -> Option<Ending> {
        self.ending.lock().clone()
    }
}
