//! Owns the edges of waits, as plain data: which thread waits for which, and cycles of such waits.
//! Refuses to look for them.

use std::fmt;

use crate::outcome::status::id::ThreadId;
use crate::rt::shown::Shown;

/// One step of a wait: the thread or the scope that a thread waits for.
///
/// ```
/// # use std::sync::mpsc::channel;
/// homebound::scope(|scope| {
///     let (open, gate) = channel::<()>();
///     let ledger = scope.spawn("ledger", "books", move |_| Ok(drop(gate.recv())))?;
///     scope.spawn("auditor", "waits for the ledger", move |_| Ok(ledger.join()?))?;
///     for thread in scope.active_threads() {
///         for edge in &thread.waits_for {
///             println!("{} waits for {}", thread.path, edge.path);
///         }
///     }
///     drop(open);
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Edge {
    /// The thread that is waited for; `None` for a scope, and for a thread that is not in the tree.
    pub thread: Option<ThreadId>,
    /// The path of the thread or scope that is waited for. A thread that is not in the tree has its
    /// kind and name instead: `foreign thread "alien"`.
    pub path: String,
    /// True if the wait is certain; otherwise it is a guess.
    pub known: bool,
    /// The kernel's id of the thread that is waited for, if the wait is for a lock.
    pub os_tid: Option<u32>,
    /// The lock that the thread waits for, and that the other thread holds. `None` for a wait of
    /// homebound's.
    pub lock: Option<Lock>,
}

/// A lock for which a thread waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Lock {
    /// The kind of lock.
    pub kind: LockKind,
    /// The address of the lock.
    pub address: u64,
}

/// The kind of a [`Lock`], which decides whether its holder can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum LockKind {
    /// A mutex of the C library, which keeps its owner beside the word at which threads wait
    /// (glibc). The holder is certain.
    Pthread,
    /// A lock whose word is its owner, because the kernel lends the owner the priority of the
    /// waiter. The holder is certain.
    PriorityInheriting,
    /// A mutex of std's, which does not keep its owner. The holder is a guess, by the lock's
    /// address on the stack of one other thread alone.
    StdMutex,
    /// A mutex of the crate `parking_lot`. The holder is a guess, as of a mutex of std's.
    ParkingLot,
}

impl fmt::Display for LockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockKind::Pthread => "pthread mutex",
            LockKind::PriorityInheriting => "priority-inheriting lock",
            LockKind::StdMutex => "std mutex",
            LockKind::ParkingLot => "parking_lot mutex",
        })
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:#x}", self.kind, self.address)
    }
}

/// The locks among the edges of a thread, each with its holder: `, pthread mutex HELD BY
/// /shop/tables-1`. Empty if there is none. Without the address, by which threads that are alike
/// would differ.
pub(crate) struct Held<'a>(pub(crate) &'a [Edge]);

impl fmt::Display for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Edge { path, known, lock, .. } in self.0 {
            let Some(lock) = lock else { continue };
            let how = if *known { "HELD BY" } else { "perhaps held by" };
            write!(f, ", {} {how} {}", lock.kind, Shown(path))?;
        }
        Ok(())
    }
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
