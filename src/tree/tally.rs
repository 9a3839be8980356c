//! Owns the counting of a shutdown: who came home, and how.
//! Refuses to know how anybody is made to come home.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::outcome::report::{Ending, ShutdownReport, ThreadReport};
use crate::outcome::status::{Role, ThreadId};
use crate::rt::awake;
use crate::tree::grace::Clock;
use crate::tree::record::Record;

/// How many rows are kept of threads that ended well, and of those that ended late or failed (R2): what goes on for long after
/// the grace takes no more room. Who is not home has a row in any case.
const KEPT: usize = 1024;
/// Of so many that were counted, none is looked for that nobody knows any more.
const FEW: usize = 256;

/// Who ended since the shutdown began.
#[derive(Default)]
pub(crate) struct Tally {
    joined: usize,
    late: usize,
    last: Option<Instant>,
    /// All that were counted and that somebody still knows: who is in here is in no other list of the report.
    counted: HashMap<ThreadId, Weak<Record>>,
    /// When there are so many, those that nobody knows any more are taken out.
    look_at: usize,
    remarkable: VecDeque<Row>,
    others: VecDeque<Row>,
}

/// Turned into text only if a report is made.
struct Row {
    record: Arc<Record>,
    ending: Ending,
}

impl Row {
    fn new(record: &Arc<Record>, deadline: Option<Instant>) -> Row {
        Row { record: Arc::clone(record), ending: record.ending(deadline) }
    }

    /// Its row is kept however many ended well.
    fn is_remarkable(&self) -> bool {
        matches!(self.ending, Ending::Overdue | Ending::Failed | Ending::Panicked)
    }
}

impl Tally {
    /// Returns one whose row had to go.
    pub(crate) fn add(&mut self, record: &Arc<Record>, deadline: Option<Instant>) -> Option<Arc<Record>> {
        if self.counted.len() >= self.look_at {
            self.counted.retain(|_, record| record.strong_count() > 0);
            // In proportion to what is left: so each is looked at a few times only, however many there are.
            self.look_at = self.counted.len() + (self.counted.len() / 4).max(FEW);
        }
        self.counted.insert(record.id, Arc::downgrade(record));
        let row = Row::new(record, deadline);
        self.last = self.last.max(record.life(|life| life.ended_at));
        if row.ending == Ending::Overdue {
            self.late += 1;
        } else {
            self.joined += 1;
        }
        let rows = if row.is_remarkable() { &mut self.remarkable } else { &mut self.others };
        let gone = if rows.len() == KEPT { rows.pop_front() } else { None };
        rows.push_back(row);
        gone.map(|row| row.record)
    }

    /// True if nobody was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.joined + self.late == 0
    }

    /// The report, given all that have an entry: those of them who are not counted yet are away, or about to be counted.
    /// `total` is the sum by construction; the duration ends with the last who came home, if all are, so that a later report
    /// says the same.
    pub(crate) fn report(
        &self,
        mut others: Vec<Arc<Record>>,
        clock: &Clock,
        outer: Option<Instant>,
    ) -> ShutdownReport {
        let before = |ended: Instant| clock.began.is_some_and(|began| ended < began);
        others.retain(|record| !self.counted.contains_key(&record.id));
        others.retain(|record| !record.life(|life| life.ended_at).is_some_and(before));
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
        let (remarkable, ordinary): (Vec<_>, Vec<_>) = arriving.iter().partition(|row| row.is_remarkable());
        let fewer = (self.others.len() + ordinary.len()).saturating_sub(KEPT);
        let ordinary = self.others.iter().chain(ordinary).skip(fewer);
        let home = self.remarkable.iter().chain(remarkable).chain(ordinary);
        let home = home.map(|row| describe(&row.record, row.ending));
        let late = deadline.is_some_and(|deadline| awake::now() >= deadline);
        let away = away.iter().map(|record| describe(record, away_how(record, late))).collect::<Vec<_>>();
        let in_time = away.iter().filter(|row| row.ending != Ending::Overdue).count();
        ShutdownReport {
            total: joined + timeout,
            joined,
            timeout,
            away: in_time,
            duration: end.saturating_duration_since(began),
            threads: away.into_iter().chain(home).collect(),
            ..ShutdownReport::default()
        }
    }
}

/// What is said of one that is not home: it is overdue if it was marked so, or if the grace is over.
fn away_how(record: &Record, late: bool) -> Ending {
    if late || record.is_overdue() {
        Ending::Overdue
    } else if record.role == Role::Service && !record.node.is_stopping() {
        Ending::NotTold
    } else {
        Ending::NotHome
    }
}

fn describe(record: &Arc<Record>, ending: Ending) -> ThreadReport {
    let ended = record.life(|life| life.ended_at);
    let asked = record.node.asked_at();
    let waits = record.wait().filter(|_| ended.is_none());
    ThreadReport {
        id: record.id,
        path: record.path().to_owned(),
        name: record.label.name.to_string(),
        purpose: record.label.purpose.to_string(),
        role: record.role,
        spawned_from: record.label.at,
        ending,
        after_stop: ended.zip(asked).map(|(end, asked)| end.saturating_duration_since(asked)),
        waits: waits.map(|wait| wait.to_string()),
        process: record.process.get().map(|facts| facts.status()),
    }
}
