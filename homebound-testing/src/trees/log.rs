//! Owns what was seen in a run of a tree: events, in the order in which they were noted.
//! Refuses to judge them: `check` does.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::kernel::KernelThread;
use super::tree::{Id, Tree};
use homebound::{ScopeError, ShutdownReport, StopReason};

/// What was seen in one run of a tree. [`check`](Observed::check) judges it.
#[derive(Debug, Clone)]
pub struct Observed {
    /// What was run.
    pub tree: Tree,
    /// In the order in which they were noted.
    pub events: Vec<Event>,
    /// Whose OS threads the kernel still listed after the root had returned.
    pub alive: Vec<Id>,
    /// The root had not returned after [`LIMIT`](super::LIMIT).
    pub hung: bool,
}

/// Something that a step of the tree did or saw. Its place in [`Observed::events`] is its time.
#[derive(Debug, Clone)]
pub struct Event {
    /// The step whose event it is; 0 is the root's body.
    pub node: Id,
    /// When it was noted.
    pub at: Instant,
    /// What it is.
    pub what: What,
}

/// What a step did or saw.
#[derive(Debug, Clone)]
pub enum What {
    /// It is about to be made: a thread is spawned, a scope or a group opened, a function deferred, a callback registered.
    Making,
    /// It was made.
    Made,
    /// It was refused.
    Refused,
    /// Its closure runs: on this OS thread, if the kernel tells, and in this place of homebound's tree.
    Started {
        /// The OS thread.
        kernel: Option<KernelThread>,
        /// `cx.path()`
        path: String,
    },
    /// It looked whether it was to stop, and saw this reason.
    Looked {
        /// How many events there were before it looked.
        since: usize,
        /// `None`: it was not to stop.
        reason: Option<StopReason>,
    },
    /// It began to wait for its stop.
    Waiting,
    /// That wait is over.
    Woken {
        /// It was not the stop that ended it.
        timed_out: bool,
    },
    /// Something that it borrowed was gone.
    Poisoned,
    /// Something of it fails now, and nothing of its own comes after that.
    Fails(Failing),
    /// Its closure is about to return.
    Ends(Finish),
    /// What its closure had captured was dropped.
    Gone,
    /// Its result was dropped.
    ResultGone,
    /// It is about to stop something.
    Stopping {
        /// The scope, group or thread.
        target: Id,
        /// How.
        how: Stop,
    },
    /// The call that stops has returned.
    Stopped {
        /// The scope, group or thread.
        target: Id,
    },
    /// It joined a thread.
    Joined {
        /// That thread.
        thread: Id,
        /// What that gave.
        gave: Gave,
    },
    /// A scope returned, or a group was closed or dropped.
    Returned(Returned),
    /// A call of `shutdown` returned this.
    Reported(Sum),
    /// `registry::run` returned, also if its result is `Ok`.
    Exited {
        /// Its exit code.
        code: u8,
        /// Its report.
        sum: Sum,
    },
}

/// A failure, as it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// The step that its message names.
    pub message: Id,
    /// How.
    pub how: How,
}

/// How something fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// With an error or a panic of its own.
    Own,
    /// With an error that it was given, which carries these failures.
    Passed(Vec<Id>),
    /// With an error that it was given, which carries a stop.
    Stop(Whose),
    /// With an error of the user's closure, which may hold anything.
    User,
    /// A callback panics.
    Callback,
    /// A result that nobody took panics in its `Drop`.
    Unclaimed,
}

/// Whose stop an error carries that somebody passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// That of the closure which passes it on: the same call stopped both.
    Own,
    /// Another's: it was stopped for another reason.
    Others,
    /// It was not stopped yet, or for a reason that two stops may have.
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

/// What a join gave. One that was refused, because it would never end, is not noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gave {
    /// What the closure returned.
    Value,
    /// The error that says that it stopped.
    Stopped,
    /// The error that says that it failed, with this failure.
    Failure(Id),
}

/// By which call something is stopped.
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

/// What a scope's error says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The steps that its failures name, in its order.
    pub failures: Vec<Id>,
    /// How many of them, at the end, are said to have happened during the stop.
    pub during_stop: usize,
    /// How many were only counted.
    pub omitted: usize,
    /// Why it was stopped, if nothing failed.
    pub stop_reason: Option<StopReason>,
    /// Its report.
    pub sum: Sum,
}

/// The numbers of a shutdown report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sum {
    /// All threads.
    pub total: usize,
    /// Home in time.
    pub joined: usize,
    /// Not home in time.
    pub timeout: usize,
    /// Nobody's.
    pub orphaned: usize,
    /// Why it was stopped.
    pub reason: Option<StopReason>,
    /// The steps of its rows, and how each of these threads ended.
    pub rows: Vec<(Id, homebound::Ending)>,
}

impl Sum {
    pub(super) fn of(report: &ShutdownReport) -> Sum {
        let rows = report.threads.iter();
        Sum {
            total: report.total,
            joined: report.joined,
            timeout: report.timeout,
            orphaned: report.orphaned,
            reason: report.reason.clone(),
            rows: rows.map(|row| (number_in(&row.name).unwrap_or(Id::MAX), row.ending)).collect(),
        }
    }
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

/// The first number in a text: names and messages of a tree begin with that of their step.
pub(super) fn number_in(text: &str) -> Option<Id> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let digits = &text[start..];
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// Where the steps of a running tree note what they see.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<Event>>>);

impl Log {
    pub(super) fn note(&self, node: Id, what: What) {
        let mut events = self.0.lock();
        // Under the lock: the times have the order of the places.
        events.push(Event { node, at: Instant::now(), what });
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }

    pub(super) fn all(&self) -> Vec<Event> {
        self.0.lock().clone()
    }
}
