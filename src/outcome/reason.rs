//! Owns the reason of a stop, and the identity of a stop (A4).
//! Refuses to know how a stop reaches a thread: the folder `stop` does.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::rt::shown::Shown;

/// Why a scope or a thread was asked to stop. If several stops come, the first reason stays.
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
    /// The program called `stop()` or `shutdown()`.
    Requested {
        /// The line of the call.
        at: &'static Location<'static>,
    },
    /// The process got the signal of this number.
    Signal(i32),
    /// A thread of the scope, or its body, failed.
    Failed {
        /// The path of the thread, or of the scope if its body failed.
        path: String,
    },
    /// A thread that was spawned as `vital` ended, or a child process with
    /// `OnExit::StopScope`.
    Vital {
        /// The path of the thread or child.
        path: String,
    },
    /// The supervisor of the thread restarts it: together with a sibling that has ended, or because
    /// it was asked to. Only this run ends; another one follows.
    Restarted {
        /// The path of the sibling, or of the thread that has asked.
        by: String,
    },
    /// A thread of the scope is stuck, by the looks of the registry's
    /// [health](crate::Registry::health).
    Stuck {
        /// The path of the thread.
        path: String,
    },
    /// A deadline passed.
    Deadline,
    /// The enclosing scope was stopped, for the reason inside. Reasons are nested 16 deep at most.
    /// (A value that a program nests deeper itself needs a stack for its depth when it is dropped,
    /// copied or compared, as any `Box` in a `Box` does.)
    Parent(Box<StopReason>),
    /// The body and the workers of the scope are home, so its services are told to stop, and no
    /// thread may be spawned.
    UsersDone,
    /// The text that the program gave to [`Stopper::stop_because`](crate::Stopper::stop_because).
    Custom(Cow<'static, str>),
}

/// Number of `Parent`s around a reason at most, so that the drop of a reason, which recurs, needs
/// little stack.
const DEEPEST: usize = 16;

impl StopReason {
    /// The reason for a scope inside the scope that was stopped for this reason.
    pub(crate) fn of_parent(&self) -> StopReason {
        let (mut depth, mut inner) = (0, self);
        while let StopReason::Parent(next) = inner {
            (depth, inner) = (depth + 1, next);
        }
        // At the bound the reason stays as it is: the root of it, which is shown, is the same.
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
            StopReason::Restarted { by } => write!(f, "restarted because of {}", Shown(by)),
            StopReason::Stuck { path } => write!(f, "{} is stuck", Shown(path)),
            StopReason::Deadline => f.write_str("a deadline passed"),
            StopReason::Parent(_) => write!(f, "the scope around it was stopped: {}", self.root()),
            StopReason::UsersDone => f.write_str("its users are done"),
            StopReason::Custom(why) => write!(f, "{}", Shown(why)),
        }
    }
}

/// The number and the name of a signal: `signal 15 (SIGTERM)`.
pub(crate) fn signal_text(number: i32) -> String {
    match crate::sys::signal_name(number) {
        "" => format!("signal {number}"),
        name => format!("signal {number} ({name})"),
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The next number for a node or a stop. Both are numbered in one series, so that no node has the
/// number of another node's stop. A stop that belongs to a node by its nature (the end of its
/// users, its own deadline) has the number of the node.
pub(crate) fn next_stop_id() -> u64 {
    // Relaxed, because a number must be unique, and orders nothing.
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// One stop, as a node has it. Marking hands it down, so that all nodes that one call stops have
/// the same id.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    /// From `next_stop_id`; equal for all nodes that this stop has reached.
    pub(crate) id: u64,
    /// As this node has it: each scope on the way down adds a `Parent`.
    pub(crate) reason: Arc<StopReason>,
    /// Number of proofs of this stop that are alive, in errors on any thread. Written by the token
    /// of each `Stopped`, read before an error is judged. `None` for a stop that belongs to a node
    /// by its nature, because the node makes it anew for each proof, and no common count exists.
    proofs: Option<Arc<AtomicUsize>>,
}

impl Stop {
    /// A new stop, with an id of its own.
    pub(crate) fn new(reason: StopReason) -> Stop {
        // With a count of its own, which each node that this stop reaches shares.
        Stop { proofs: Some(Arc::default()), ..Stop::of(next_stop_id(), reason) }
    }

    /// The stop that belongs by its nature to the node of this number.
    pub(crate) fn of(id: u64, reason: StopReason) -> Stop {
        Stop { id, reason: Arc::new(reason), proofs: None }
    }

    /// The same stop, for a scope inside.
    pub(crate) fn of_parent(&self) -> Stop {
        Stop { reason: Arc::new(self.reason.of_parent()), ..self.clone() }
    }

    /// Counts a new proof of this stop.
    pub(crate) fn is_proved(&self) {
        // Relaxed here and in `is_proved_no_more`: see `may_be_in_errors`.
        self.proofs.iter().for_each(|proofs| _ = proofs.fetch_add(1, Ordering::Relaxed));
    }

    /// Counts a proof that is dropped.
    pub(crate) fn is_proved_no_more(&self) {
        self.proofs.iter().for_each(|proofs| _ = proofs.fetch_sub(1, Ordering::Relaxed));
    }

    /// False if no error on any thread holds a proof of this stop.
    pub(crate) fn may_be_in_errors(&self) -> bool {
        // Relaxed is enough. A proof that the calling thread can reach was made by this thread, or
        // was handed to it by a channel or a lock, and that orders the making before this load.
        self.proofs.as_ref().is_none_or(|proofs| proofs.load(Ordering::Relaxed) > 0)
    }
}
