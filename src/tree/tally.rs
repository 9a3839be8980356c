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
/// Smallest growth of `counted` before its dead records are looked for.
const FEW: usize = 256;

/// The threads that ended since the shutdown began. Under the lock of the scope.
#[derive(Default)]
pub(crate) struct Tally {
    /// Number of threads that came home in time.
    joined: usize,
    /// Number of threads that came home after their deadline.
    late: usize,
    /// When the last of them ended.
    last: Option<Instant>,
    /// The counted threads whose record still lives. The report leaves them out of its other list.
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
    /// Counts a thread. Returns a record whose row was displaced; the caller drops it without the
    /// lock.
    pub(crate) fn add(&mut self, record: &Arc<Record>, deadline: Option<Instant>) -> Option<Arc<Record>> {
        if self.counted.len() >= self.look_at {
            self.counted.retain(|_, record| record.strong_count() > 0);
            // The next look comes after growth by a quarter, so each record is looked at only a few
            // times, however many there are.
            self.look_at = self.counted.len() + (self.counted.len() / 4).max(FEW);
        }
        self.counted.insert(record.id.0, Arc::downgrade(record));
        let row = Row::new(record, deadline);
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

    /// True if no thread was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.joined + self.late == 0
    }

    /// Sums up for a report. `others` are all threads that have an entry; a thread of them that is
    /// not counted yet is away, or about to be counted. The duration ends with the last thread that
    /// came home if all have, so that a later report says the same.
    pub(crate) fn sum_up(&self, mut others: Vec<Arc<Record>>, clock: &Clock, outer: Option<Instant>) -> Sums {
        // Leaves out threads that are counted, and threads that ended before the shutdown began.
        let before = |ended: Instant| clock.began.is_some_and(|began| ended < began);
        others.retain(|record| !self.counted.contains(record.id.0));
        // A thread that is home was counted. The failed job of a pool is home as well, and no
        // thread.
        others.retain(|record| !record.is_home());
        others.retain(|record| !record.life(|life| life.ended_at).is_some_and(before));
        // `arriving`: threads that have ended and are on their way to `add`, judged as `add` will.
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
