//! Owns the work of a tree as plain data: pools, sets, supervisors, threads that restart, maps and
//! races, and the tasks of each.
//! Refuses to run them: `employ` and `task` do.

use std::time::Duration;

use homebound::AtStop;
use homebound::work::Strategy;

use super::tree::{Errors, PATIENCE, Step, Via};

/// Work that a step sets going, and that lives while other steps go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The value on which the method is called.
    pub via: Via,
    /// The kind of the work.
    pub trade: Trade,
    /// The number of threads of a pool.
    pub width: usize,
    /// Jobs, members or children, in their order. A thread that restarts has the first of them.
    pub tasks: Vec<Task>,
}

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trade {
    /// A pool with one place in its queue. Every second job is submitted with a handle. The second
    /// job of two threads has a minute to begin, and the fourth job of any pool a millisecond.
    Pool(AtStop),
    /// A `JoinSet` of threads; of jobs of a pool, if only a context is there.
    JoinSet,
    /// A supervisor whose children are the tasks. It gives up at the third failure of a child in a
    /// row. Only the first child may fail for ever.
    Supervisor(Care),
    /// A thread that restarts until it returns a value, and gives up like a child.
    Restart,
}

/// How a supervisor looks after its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Care {
    /// The siblings that are restarted with a child.
    pub strategy: Strategy,
    /// The first child is vital: its last end is that of the supervisor.
    pub vital: bool,
    /// Its children have a millisecond to come home, so a deaf sibling may end the supervisor.
    pub hasty: bool,
}

/// The closure of a job, a member, a child, an item or an entrant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Returns a value.
    Value,
    /// Returns an error in each run.
    Error,
    /// Panics in each run.
    Panic,
    /// Returns an error in the first two runs, and a value in the third.
    Flaky,
    /// Waits for the stop, for at most 20 ms, and then returns a value. For at most
    /// [`PATIENCE`](super::PATIENCE), if other entrants decide the race, or if the first child ends
    /// the supervisor.
    Wait,
    /// Is deaf to the stop for 3 ms.
    Linger,
}

/// A map over the numbers of some tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// How many items are under way at once.
    pub width: usize,
    /// What the closure does for each item.
    pub tasks: Vec<Task>,
    /// `Some` for `map_stream`: the body takes one result, executes these steps, and takes the
    /// others. It ignores errors of its steps.
    pub body: Option<Vec<Step>>,
    /// The fate of the error of the map.
    pub errors: Errors,
}

/// A race, or a quorum if not just one entrant has to succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raced {
    /// The number of entrants that have to succeed.
    pub wanted: usize,
    /// The entrants.
    pub tasks: Vec<Task>,
    /// The fate of the error of the race.
    pub errors: Errors,
}

/// How long a waiting task waits for its stop, if it may be that none comes, in milliseconds.
pub(super) const WAITS: u64 = 20;

/// The failure in a row at which a supervisor or a restarting thread gives up.
pub(super) const GIVES_UP_AT: u32 = 3;

impl Task {
    /// How the run of this number ends, if the task does not wait.
    pub(super) fn fails(self, run: u64) -> bool {
        match self {
            Task::Error | Task::Panic => true,
            Task::Flaky => run < u64::from(GIVES_UP_AT),
            Task::Value | Task::Wait | Task::Linger => false,
        }
    }
}

impl Work {
    /// The tasks that run. A supervisor gives up for its first child only, so that it is known
    /// which failure is the last.
    pub(super) fn staff(&self) -> impl Iterator<Item = (usize, Task)> {
        let count = if self.trade == Trade::Restart { 1 } else { self.tasks.len() };
        let supervised = matches!(self.trade, Trade::Supervisor(_));
        self.tasks.iter().copied().take(count).enumerate().map(move |(place, task)| match task {
            Task::Error | Task::Panic if supervised && place > 0 => (place, Task::Flaky),
            task => (place, task),
        })
    }

    /// True if a failing run of this task fails its supervisor or thread for sure, if it is the
    /// third.
    pub(super) fn is_alone(&self) -> bool {
        matches!(self.trade, Trade::Restart | Trade::Supervisor(Care { strategy: Strategy::OneForOne, .. }))
    }

    /// The time in which the job of this number has to begin.
    pub(super) fn begin_within(&self, place: usize) -> Option<Duration> {
        match (place, self.width) {
            (1, 2) => Some(Duration::from_secs(60)),
            (3, _) => Some(Duration::from_millis(1)),
            _ => None,
        }
    }

    /// The end of the first child that ends the supervisor, if there will be one: the number of
    /// failures, or the first value (0). No sibling ends a run of the first child before that.
    pub(super) fn settles(&self) -> Option<usize> {
        let Trade::Supervisor(Care { strategy: Strategy::OneForOne | Strategy::RestForOne, vital, .. }) =
            self.trade
        else {
            return None;
        };
        match self.tasks.first()? {
            Task::Error | Task::Panic => Some(GIVES_UP_AT as usize),
            Task::Value | Task::Flaky | Task::Linger => vital.then_some(0),
            Task::Wait => None,
        }
    }

    /// How long a child waits for its stop, in milliseconds.
    pub(super) fn patience(&self) -> u64 {
        if self.settles().is_some() { PATIENCE } else { WAITS }
    }
}

impl Raced {
    /// The number of failures with which the quorum cannot be reached.
    pub(super) fn too_many(&self) -> usize {
        (self.tasks.len() + 1).saturating_sub(self.wanted)
    }

    /// True if entrants decide the race that wait for no stop.
    pub(super) fn is_decided(&self) -> bool {
        let count = |is: fn(&Task) -> bool| self.tasks.iter().filter(|task| is(task)).count();
        let values = count(|task| matches!(task, Task::Value | Task::Linger));
        values >= self.wanted || count(|task| task.fails(1)) >= self.too_many()
    }

    /// How long an entrant waits for its stop, in milliseconds.
    pub(super) fn patience(&self) -> u64 {
        if self.is_decided() { PATIENCE } else { WAITS }
    }
}
