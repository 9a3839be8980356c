//! Owns why a scope or thread was asked to stop, and which stop it was.
//! Refuses to know how a stop travels.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::rt::shown::Shown;

/// Why a scope or a thread was asked to stop. The first reason wins.
///
/// ```
/// use homebound::StopReason;
///
/// homebound::scope(|scope| {
///     scope.stop();
///     match scope.context().wait_for_stop() {
///         StopReason::Requested { at } => println!("stopped by {at}"),
///         reason => println!("stopped: {reason}"),
///     }
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
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
const DEEPEST: usize = 16;

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
            StopReason::Signal(number) => f.write_str(&signal_text(*number)),
            StopReason::Failed { path } => write!(f, "{} failed", Shown(path)),
            StopReason::Vital { path } => write!(f, "vital thread {} ended", Shown(path)),
            StopReason::Deadline => f.write_str("a deadline passed"),
            StopReason::Parent(_) => write!(f, "the scope around it was stopped: {}", self.root()),
            StopReason::UsersDone => f.write_str("its users are done"),
            StopReason::Custom(why) => write!(f, "{}", Shown(why)),
        }
    }
}

/// A signal as people know it: `signal 15 (SIGTERM)`.
pub(crate) fn signal_text(number: i32) -> String {
    match crate::sys::signal_name(number) {
        "" => format!("signal {number}"),
        name => format!("signal {number} ({name})"),
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The next number of the series from which nodes and stops are numbered: no node has the number of another's stop. A stop that
/// a node has by its nature, the end of its users or its own deadline, has the node's number.
pub(crate) fn next_stop_id() -> u64 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// One stop as a node has it: marking hands it down, so that all that one call stops have the same id.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    pub(crate) id: u64,
    pub(crate) reason: Arc<StopReason>,
    /// How many proofs of it are alive, in errors on any thread: written by the token of each `Stopped`, read before an error is
    /// judged. `None` for a stop that a node has by its nature: each node makes that anew, and the proofs are not counted.
    proofs: Option<Arc<AtomicUsize>>,
}

impl Stop {
    /// A stop that nobody has had before.
    pub(crate) fn new(reason: StopReason) -> Stop {
        Stop { proofs: Some(Arc::default()), ..Stop::of(next_stop_id(), reason) }
    }

    /// The stop that the node of this number has by its nature.
    pub(crate) fn of(id: u64, reason: StopReason) -> Stop {
        Stop { id, reason: Arc::new(reason), proofs: None }
    }

    /// The same stop, in a scope inside.
    pub(crate) fn of_parent(&self) -> Stop {
        Stop { reason: Arc::new(self.reason.of_parent()), ..self.clone() }
    }

    /// A proof of it is made.
    pub(crate) fn is_proved(&self) {
        self.proofs.iter().for_each(|proofs| _ = proofs.fetch_add(1, Ordering::Relaxed));
    }

    /// A proof of it is gone.
    pub(crate) fn is_proved_no_more(&self) {
        self.proofs.iter().for_each(|proofs| _ = proofs.fetch_sub(1, Ordering::Relaxed));
    }

    /// False if no error holds a proof of it, on any thread. A proof that the calling thread can reach is always counted: whatever
    /// handed the proof over ordered its making before.
    pub(crate) fn may_be_in_errors(&self) -> bool {
        self.proofs.as_ref().is_none_or(|proofs| proofs.load(Ordering::Relaxed) > 0)
    }
}
