//! Owns the count of a shutdown: which threads came home, and how (R2).
//! Refuses to know how a thread is made to come home.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::outcome::report::shutdown::Ending;
use crate::outcome::status::snapshot::Role;
use crate::rt::awake;
use crate::rt::index::Index;
use crate::tree::grace::Clock;
use crate::tree::record::Record;

/// Number of rows kept for threads that ended well, and as many for late and failed threads (R2),
/// so that a shutdown that lasts long after its grace keeps a flat memory. A thread that is not
/// home always has a row.
const KEPT: usize = 1024;
/// Number of recent threads from which on the tallies take them in, so that a scope keeps only so
/// many records of threads that are gone.
const MOST: usize = 1024;
/// Smallest growth of `counted` before its dead records are looked for.
const FEW: usize = 256;

/// Threads of a scope that ended in a shutdown, and that no tally counts yet. The scope counts them
/// when a report is asked for, and hands them on to the scope around when it is over. So the end of
/// a thread costs the same at every depth. Under the lock of the scope.
#[derive(Default)]
pub(crate) struct Recent {
    /// In the order in which they came home, at most a few more than [`MOST`].
    records: Vec<Arc<Record>>,
    /// True while a thread adds them to the tallies around (`ScopeCore::spread`).
    spreading: bool,
}

impl Recent {
    pub(crate) fn add(&mut self, record: &Arc<Record>) {
        self.records.push(Arc::clone(record));
    }

    pub(crate) fn extend(&mut self, records: Vec<Arc<Record>>) {
        self.records.extend(records);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Record>> {
        self.records.clone()
    }

    /// True if they are to be added to the tallies, so that they take no more room.
    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= MOST && !self.spreading
    }

    /// Claims the adding for the calling thread. `None` if there is no need, or if another thread
    /// has claimed it.
    pub(crate) fn claim(&mut self) -> Option<Vec<Arc<Record>>> {
        let full = self.is_full();
        self.spreading |= full;
        full.then(|| self.all())
    }

    /// Takes off the first `count`, which all tallies have now. The caller drops them without the
    /// lock.
    pub(crate) fn spread(&mut self, count: usize) -> Vec<Arc<Record>> {
        self.spreading = false;
        self.records.drain(..count.min(self.records.len())).collect()
    }
}

/// The threads that ended since the shutdown began, without those that are recent in some scope.
/// Under the lock of the scope.
#[derive(Default)]
pub(crate) struct Tally {
    /// Number of threads that came home in time.
    joined: usize,
    /// Number of threads that came home after their deadline.
    late: usize,
    /// When the last of them ended.
    last: Option<Instant>,
    /// The threads that `add` has counted, by id, as long as their records live. A thread that is
    /// counted here may still be recent in its own scope (`ScopeCore::spread` takes it off there
    /// last), so `add` and `sum_up` may meet it again, and leave it out because of this list.
    counted: Index<Weak<Record>>,
    /// Length of `counted` at which its dead records are taken out.
    look_at: usize,
    /// The newest [`KEPT`] rows of threads that were late, failed or were restarted.
    remarkable: VecDeque<Row>,
    /// The newest [`KEPT`] other rows.
    others: VecDeque<Row>,
}

/// The part of a report that the tally knows. `shutdown::reporting` makes the report of it.
#[derive(Default)]
pub(crate) struct Sums {
    /// Number of threads that came home in time.
    pub(crate) joined: usize,
    /// Number of threads that came home late, or are not home.
    pub(crate) timeout: usize,
    /// Number of threads in `timeout` that are not home and not late.
    pub(crate) away: usize,
    /// When the shutdown began; `None` if it has not.
    pub(crate) began: Option<Instant>,
    /// When its grace is over.
    pub(crate) deadline: Option<Instant>,
    /// Time from the beginning of the shutdown to its end, or to now.
    pub(crate) duration: Duration,
    /// The rows: threads that are not home, then the others.
    pub(crate) rows: Vec<Row>,
}

/// One line of the report to be, made text only if a report is made.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) record: Arc<Record>,
    pub(crate) ending: Ending,
}

impl Row {
    fn new(record: &Arc<Record>, deadline: Option<Instant>) -> Row {
        Row { record: Arc::clone(record), ending: record.ending(deadline) }
    }

    /// True if the row is kept apart, so that rows of threads that ended well never displace it.
    fn is_remarkable(&self) -> bool {
        let failed = matches!(self.ending, Ending::Overdue | Ending::Failed | Ending::Panicked);
        failed || self.record.traits.runs.as_ref().is_some_and(|runs| runs.look(|runs| runs.restarts > 0))
    }
}

impl Tally {
    /// Counts a thread, once. Returns a record whose row was displaced; the caller drops it without
    /// the lock.
    pub(crate) fn add(
        &mut self,
        record: &Arc<Record>,
        clock: &Clock,
        outer: Option<Instant>,
    ) -> Option<Arc<Record>> {
        if !is_part(record, clock) || self.counted.contains(record.id.0) {
            return None;
        }
        if self.counted.len() >= self.look_at {
            self.counted.retain(|_, record| record.strong_count() > 0);
            // The next look comes after growth by a quarter, so each record is looked at only a few
            // times, however many there are.
            self.look_at = self.counted.len() + (self.counted.len() / 4).max(FEW);
        }
        self.counted.insert(record.id.0, Arc::downgrade(record));
        let row = Row::new(record, clock.deadline(outer));
        self.last = self.last.max(record.life(|life| life.ended_at));
        // Each thread is in one of the two sums, so the total adds up by construction (R2).
        if row.ending == Ending::Overdue {
            self.late += 1;
        } else {
            self.joined += 1;
        }
        let rows = if row.is_remarkable() { &mut self.remarkable } else { &mut self.others };
        // The oldest row makes room.
        let gone = if rows.len() == KEPT { rows.pop_front() } else { None };
        rows.push_back(row);
        gone.map(|row| row.record)
    }

    /// Sums up for a report. `others` are the threads of the scope, and of the scopes inside it,
    /// that are not home, and the recent ones. The duration ends with the last thread that came
    /// home if all have, so that a later report says the same.
    pub(crate) fn sum_up(&self, mut others: Vec<Arc<Record>>, clock: &Clock, outer: Option<Instant>) -> Sums {
        // A recent thread may have been found in two scopes, or be counted by now, because the list
        // was made scope by scope.
        let mut seen = Index::new();
        others.retain(|record| !self.counted.contains(record.id.0) && seen.add(record.id.0));
        others.retain(|record| is_part(record, clock));
        // `arriving`: threads that have ended and will come to `add`, judged as `add` will.
        let (arriving, away): (Vec<_>, Vec<_>) = others.into_iter().partition(|record| record.has_ended());
        let deadline = clock.deadline(outer);
        let arriving: Vec<Row> = arriving.iter().map(|record| Row::new(record, deadline)).collect();
        let late = arriving.iter().filter(|row| row.ending == Ending::Overdue).count();
        let joined = self.joined + arriving.len() - late;
        let timeout = self.late + late + away.len();
        let last =
            arriving.iter().filter_map(|row| row.record.life(|life| life.ended_at)).chain(self.last).max();
        let end = last.filter(|_| away.is_empty()).unwrap_or_else(awake::now);
        let began = clock.began.unwrap_or(end);
        // As many rows of each kind as `add` would have kept, the newest.
        let (remarkable, ordinary): (Vec<_>, Vec<_>) = arriving.iter().partition(|row| row.is_remarkable());
        let home = newest(&self.remarkable, remarkable).chain(newest(&self.others, ordinary));
        let late = deadline.is_some_and(|deadline| awake::now() >= deadline);
        // A late thread is reported as overdue even if no driver has marked it yet.
        let away = away.into_iter().map(|record| Row { ending: away_how(&record, late), record });
        let away: Vec<_> = away.collect();
        let in_time = away.iter().filter(|row| row.ending != Ending::Overdue).count();
        Sums {
            joined,
            timeout,
            away: in_time,
            began: clock.began,
            deadline,
            duration: end.saturating_duration_since(began),
            rows: away.into_iter().chain(home.cloned()).collect(),
        }
    }
}

/// False for a thread that ended before the shutdown began.
fn is_part(record: &Record, clock: &Clock) -> bool {
    let ended = record.life(|life| life.ended_at);
    clock.began.is_some_and(|began| ended.is_none_or(|ended| ended >= began))
}

/// The newest rows of both lists, as many as are kept: first of `kept`, then of `arriving`.
fn newest<'a>(kept: &'a VecDeque<Row>, arriving: Vec<&'a Row>) -> impl Iterator<Item = &'a Row> {
    let surplus = (kept.len() + arriving.len()).saturating_sub(KEPT);
    kept.iter().chain(arriving).skip(surplus)
}

/// The ending to show for a thread that is not home: overdue if it was marked so or the grace is
/// over, else not told, or not home yet.
fn away_how(record: &Record, late: bool) -> Ending {
    if late || record.is_overdue() {
        Ending::Overdue
    } else if record.role == Role::Service && !record.node.is_stopping() {
        Ending::NotTold
    } else {
        Ending::NotHome
    }
}
