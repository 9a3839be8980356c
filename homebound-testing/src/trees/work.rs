//! Owns the work of a tree as plain data: pools, sets, supervisors, threads that restart, maps and
//! races, and the tasks of each.
//! Refuses to run them: `employ` and `task` do.

use homebound::work::Strategy;

use super::tree::{Errors, Step, Via};

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
    /// A pool with one place in its queue. Every second job is submitted with a handle.
    Pool,
    /// A `JoinSet` of threads; of jobs of a pool, if only a context is there.
    JoinSet,
    /// A supervisor whose children are the tasks. It gives up at the third failure of a child in a
    /// row. Only the first child may fail for ever.
    Supervisor(Strategy),
    /// A thread that restarts until it returns a value, and gives up like a child.
    Restart,
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
    /// Waits for the stop, for at most 20 ms, and then returns a value. In a race that another
    /// entrant wins, for at most [`PATIENCE`](super::PATIENCE).
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

/// A race.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raced {
    /// The entrants.
    pub tasks: Vec<Task>,
    /// The fate of the error of the race.
    pub errors: Errors,
}

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
        matches!(self.trade, Trade::Restart | Trade::Supervisor(Strategy::OneForOne))
    }
}

impl Raced {
    /// True if some entrant has a value without waiting for a stop.
    pub(super) fn is_won(&self) -> bool {
        self.tasks.iter().any(|task| matches!(task, Task::Value | Task::Linger))
    }
}
