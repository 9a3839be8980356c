//! Owns why a scope or thread was asked to stop, and the proof that a wait ended for that reason.
//! Refuses to know how a stop travels.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::shown::Shown;
use crate::token::StopMark;

/// Why a scope or a thread was asked to stop. The first reason wins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// Somebody called `stop()` or `shutdown()`, here.
    Requested {
        /// The line of the call.
        at: &'static Location<'static>,
    },
    /// The process got this signal.
    Signal(i32),
    /// A thread of the scope, or its body, failed.
    Failed {
        /// Whose failure it was.
        path: String,
    },
    /// A thread that was spawned as `vital` ended.
    Vital {
        /// The thread's path.
        path: String,
    },
    /// A deadline passed.
    Deadline,
    /// The scope around this one was stopped, for the reason inside.
    Parent(Box<StopReason>),
    /// The workers are home: services are told to stop, and nothing new may start.
    UsersDone,
    /// Said by the one who called [`Stopper::stop_because`](crate::Stopper::stop_because).
    Custom(Cow<'static, str>),
}

/// Beyond this depth `Parent` is not wrapped again, so that no chain is too deep to drop.
const DEEPEST: usize = 64;

impl StopReason {
    /// The reason of a scope inside one that was stopped for this reason.
    pub(crate) fn of_parent(&self) -> StopReason {
        let (mut depth, mut inner) = (0, self);
        while let StopReason::Parent(next) = inner {
            (depth, inner) = (depth + 1, next);
        }
        if depth >= DEEPEST { self.clone() } else { StopReason::Parent(Box::new(self.clone())) }
    }

    /// The reason at the bottom of all `Parent`s.
    pub(crate) fn root(&self) -> &StopReason {
        let mut inner = self;
        while let StopReason::Parent(next) = inner {
            inner = next;
        }
        inner
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopReason::Requested { at } => write!(f, "requested at {at}"),
            StopReason::Signal(number) => write!(f, "signal {number}{}", signal_name(*number)),
            StopReason::Failed { path } => write!(f, "{} failed", Shown(path)),
            StopReason::Vital { path } => write!(f, "vital thread {} ended", Shown(path)),
            StopReason::Deadline => f.write_str("a deadline passed"),
            StopReason::Parent(_) => write!(f, "the scope around it was stopped: {}", self.root()),
            StopReason::UsersDone => f.write_str("its users are done"),
            StopReason::Custom(why) => write!(f, "{}", Shown(why)),
        }
    }
}

fn signal_name(number: i32) -> &'static str {
    match number {
        1 => " (SIGHUP)",
        2 => " (SIGINT)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

/// A wait ended because of a stop. Only homebound makes it.
///
/// A thread that was asked to stop and returns an error which holds one, however deep and in whatever wrapper, has
/// *stopped*; it has not failed.
#[derive(Clone)]
pub struct Stopped {
    reason: Arc<StopReason>,
    mark: StopMark,
}

impl Stopped {
    pub(crate) fn new(reason: Arc<StopReason>) -> Stopped {
        Stopped { reason, mark: StopMark::new() }
    }

    pub(crate) fn is_from_here(&self) -> bool {
        self.mark.is_from_here()
    }

    /// Why.
    pub fn reason(&self) -> &StopReason {
        &self.reason
    }
}

impl fmt::Debug for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stopped").field(&self.reason).finish()
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped: {}", self.reason)
    }
}

impl Error for Stopped {}
