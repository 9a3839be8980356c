//! Owns the observations of a run: events, in the order in which they were noted.
//! Refuses to judge them: `check` does.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::kernel::KernelThread;
use super::tree::{Id, Tree};
use homebound::{Ending, ScopeError, ShutdownReport, StopReason, ThreadReport};

/// The observations of one run of a tree. [`check`](Observed::check) judges them.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The tree that ran.
    pub tree: Tree,
    /// In the order in which they were noted.
    pub events: Vec<Event>,
    /// Threads that the kernel still listed after the root had returned.
    pub alive: Vec<Id>,
    /// The root had not returned after [`LIMIT`](super::LIMIT).
    pub hung: bool,
}

/// An action or observation of a step. Its index in [`Observed::events`] is its time.
#[derive(Debug, Clone)]
pub struct Event {
    /// The step; 0 is the root's body.
    pub node: Id,
    /// When the event was noted.
    pub at: Instant,
    /// The action or observation.
    pub what: What,
}

/// An action or observation of a step.
#[derive(Debug, Clone)]
pub enum What {
    /// The step is about to spawn a thread, open a scope or a group, defer a function, or register
    /// a callback.
    Making,
    /// The thread, group, function or callback was made.
    Made,
    /// The thread or group was refused.
    Refused,
    /// The closure of the step runs.
    Started {
        /// The OS thread, if the kernel tells.
        kernel: Option<KernelThread>,
        /// `cx.path()`
        path: String,
    },
    /// The step asked whether it was to stop.
    Looked {
        /// The number of events before it asked.
        since: usize,
        /// The reason of its stop; `None` if it was not to stop.
        reason: Option<StopReason>,
    },
    /// The step begins to wait for its stop.
    Waiting,
    /// The wait is over.
    Woken {
        /// True if the stop did not end the wait.
        timed_out: bool,
    },
    /// A value that the step had borrowed was gone.
    Poisoned,
    /// The step fails now. No other event of its own code follows.
    Fails(Failing),
    /// The closure of the step is about to return.
    Ends(Finish),
    /// The captures of the closure were dropped.
    Gone,
    /// The result of the closure was dropped.
    ResultGone,
    /// The step is about to stop a scope, group or thread.
    Stopping {
        /// The scope, group or thread.
        target: Id,
        /// The call that stops it.
        how: Stop,
    },
    /// The call that stops it has returned.
    Stopped {
        /// The scope, group or thread.
        target: Id,
    },
    /// The step joined a thread.
    Joined {
        /// That thread.
        thread: Id,
        /// The result of the join.
        gave: Gave,
    },
    /// An event of a task of this step's work: the task's number from 0, and the event.
    Task(usize, TaskEvent),
    /// A set was asked for its next member until it had none.
    Drained,
    /// A map gave these results: the numbers of the tasks.
    Collected(Vec<usize>),
    /// A race returned.
    Decided(Decided),
    /// A supervisor said that it has decided so many restarts.
    Restarts(u64),
    /// A scope returned, or a group was closed or dropped.
    Returned(Returned),
    /// A call of `shutdown` returned this.
    Reported(Sum),
    /// `registry::run` returned, with `Ok` or with an error.
    Exited {
        /// Its exit code.
        code: u8,
        /// Its report.
        sum: Sum,
    },
}

/// An event of a task: of a job, a member of a set, a child, an item or an entrant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskEvent {
    /// The task was taken: it will run, or be dropped because of a stop.
    Taken,
    /// The task was refused.
    Refused,
    /// A run of the task begins.
    Begun {
        /// The number of the run, from 1.
        run: u64,
    },
    /// A run of the task is about to end. No other event of this run follows.
    Over(Finish),
    /// The closure of the task was dropped.
    Gone,
    /// The joiner of the task was given this.
    Answered(Gave),
}

/// The result of a race.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// The entrants of these numbers have won.
    Won(Vec<usize>),
    /// Too few have won; this many have failed.
    Lost(usize),
    /// The caller was asked to stop.
    Stopped,
    /// The race did not begin, or ended in another way.
    Refused,
}

/// A failure, noted when it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// The step that its message names.
    pub message: Id,
    /// How the step fails.
    pub how: How,
}

/// How a step fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// With an error or a panic of its own.
    Own,
    /// With an error from outside, which carries these failures.
    Passed(Vec<Id>),
    /// With an error from outside, which carries a stop.
    Stop(Whose),
    /// With an error of the user's closure, which may hold anything.
    User,
    /// A task fails, and its joiner may be given the failure. The number of the task.
    Handed(usize),
    /// A run fails, and a restart may answer the failure; or an item of a stream does, and its body
    /// may not ask for it.
    Answered,
    /// A callback panics.
    Callback,
    /// A result that no joiner took panics in its `Drop`.
    Unclaimed,
}

/// The owner of a stop in an error that a step passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The closure that passes it on: the same call stopped both.
    Own,
    /// Another closure, which was stopped for another reason.
    Others,
    /// Unknown: the closure was not stopped yet, or for a reason that two stops may have.
    Unknown,
}

/// How a closure ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// With `Ok`.
    Value,
    /// With the stop that it was asked for.
    Stopped,
    /// With a failure.
    Failing,
}

/// The result of a join. A join that was refused, because it would never end, is not noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gave {
    /// The value of the closure.
    Value,
    /// The error that says that it stopped.
    Stopped,
    /// The error that says that it failed, with this failure.
    Failure(Id),
    /// The error that says that the job was dropped, because its pool was stopped before.
    Dropped,
    /// The error that says that the job did not begin in time.
    Expired,
}

/// The call that stops a scope, group or thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// `Stopper::stop_because`, with the name of the step as its reason.
    Because,
    /// `shutdown`
    Shutdown,
    /// The handle of a thread.
    ThroughHandle,
    /// A group is closed or dropped by its owner.
    Close,
}

/// How a scope, or the closing of a group, returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned {
    /// With `Ok`.
    Value,
    /// With an error.
    Error(Failed),
    /// With the panic of its body.
    Panic,
    /// Not at all: the group was dropped, or leaked.
    Silent,
}

/// The contents of a scope's error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The steps that its failures name, in the error's order.
    pub failures: Vec<Id>,
    /// How many of these, at the end, are listed as failures during the stop.
    pub during_stop: usize,
    /// How many failures were counted without being kept.
    pub omitted: usize,
    /// Why the scope was stopped, if nothing failed.
    pub stop_reason: Option<StopReason>,
    /// Its report.
    pub sum: Sum,
}

/// The numbers of a shutdown report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sum {
    /// All threads.
    pub total: usize,
    /// Threads that came home in time.
    pub joined: usize,
    /// Threads that did not.
    pub timeout: usize,
    /// Late threads that the user's closure has made. They are in none of the other numbers.
    pub late_others: usize,
    /// Foreign threads.
    pub orphaned: usize,
    /// Why the scope was stopped.
    pub reason: Option<StopReason>,
    /// The step of each row, and how its thread ended.
    pub rows: Vec<(Id, Ending)>,
}

impl Sum {
    /// Leaves out threads that the user's closure has made: nothing is known of them.
    pub(super) fn of(report: &ShutdownReport) -> Sum {
        let (rows, others): (Vec<_>, Vec<_>) =
            report.threads.iter().partition(|row| is_of_the_tree(&row.name));
        let is_late =
            |row: &&ThreadReport| matches!(row.ending, Ending::Overdue | Ending::NotHome | Ending::NotTold);
        let late = others.iter().copied().filter(is_late).count();
        Sum {
            total: report.total.saturating_sub(others.len()),
            joined: report.joined.saturating_sub(others.len() - late),
            timeout: report.timeout.saturating_sub(late),
            late_others: late,
            orphaned: report.orphaned,
            reason: report.reason.clone(),
            rows: rows.iter().map(|row| (number_in(&row.name).unwrap_or(Id::MAX), row.ending)).collect(),
        }
    }
}

/// The threads of a tree are named after their steps: `t5`.
fn is_of_the_tree(name: &str) -> bool {
    name.strip_prefix('t')
        .is_some_and(|number| number.bytes().all(|c| c.is_ascii_digit()) && !number.is_empty())
}

impl Failed {
    pub(super) fn of(error: &ScopeError) -> Failed {
        Failed {
            failures: error.failures().iter().map(super::fault::message_of).collect(),
            during_stop: error.during_stop().len(),
            omitted: error.omitted(),
            stop_reason: error.stop_reason().cloned(),
            sum: Sum::of(error.report()),
        }
    }
}

/// The first number in a text. Names and messages of a tree begin with the number of their step.
pub(super) fn number_in(text: &str) -> Option<Id> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let digits = &text[start..];
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// Where the steps of a running tree note their events.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<Event>>>);

impl Log {
    pub(super) fn note(&self, node: Id, what: What) {
        let mut events = self.0.lock();
        // Read under the lock, so that the times have the order of the indexes.
        events.push(Event { node, at: Instant::now(), what });
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }

    pub(super) fn all(&self) -> Vec<Event> {
        self.0.lock().clone()
    }
}
