//! Owns the edges of waits, as plain data: which thread waits for which, and cycles of such waits.
//! Refuses to look for them.

use crate::outcome::status::ThreadId;

/// One step of a wait: the thread or the scope that a thread waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Edge {
    /// The thread that is waited for; `None` for a scope.
    pub thread: Option<ThreadId>,
    /// The path of the thread or scope that is waited for.
    pub path: String,
    /// True if the wait is certain; otherwise it is a guess.
    pub known: bool,
}

/// Threads of which each waits for the next, and the last for the first: none of them goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Cycle {
    /// The waits. The thread to which an edge leads is the thread that waits in the next edge, and
    /// the last edge leads to the thread that waits in the first.
    pub edges: Vec<Edge>,
    /// True if each wait is certain; otherwise the cycle is a guess.
    pub known: bool,
}
