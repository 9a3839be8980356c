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
    /// Why the other thread is taken for the holder, in a few words. `None` if that is certain.
    pub why: Option<&'static str>,
}

/// A lock for which a thread waits, and whose holder is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Wanted {
    /// The lock.
    pub lock: Lock,
    /// Why no thread is named, in a few words.
    pub why: String,
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
    /// A read-write lock of std's. The holder is a guess, as of a mutex, and only if one thread
    /// alone holds the lock: a writer, or the only reader.
    StdRwLock,
    /// A read-write lock of the crate `parking_lot`. The holder is a guess, as of one of std's.
    ParkingLotRwLock,
}

impl fmt::Display for LockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockKind::Pthread => "pthread mutex",
            LockKind::PriorityInheriting => "priority-inheriting lock",
            LockKind::StdMutex => "std mutex",
            LockKind::ParkingLot => "parking_lot mutex",
            LockKind::StdRwLock => "std rwlock",
            LockKind::ParkingLotRwLock => "parking_lot rwlock",
        })
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:#x}", self.kind, self.address)
    }
}

/// The lock that a thread waits for, with its holder: `, pthread mutex HELD BY /shop/tables-1`.
/// Empty if there is none. Without the address, by which threads that are alike would differ.
pub(crate) struct Held<'a> {
    /// The thread that waits.
    pub(crate) own: ThreadId,
    pub(crate) waits_for: &'a [Edge],
    pub(crate) wants: Option<&'a Wanted>,
}

impl fmt::Display for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Edge { thread, path, known, lock, why, .. } in self.waits_for {
            // An edge of a wait of homebound's is written by `dump::whom`.
            let Some(lock) = lock else { continue };
            let how = if *known { "HELD BY" } else { "perhaps held by" };
            write!(f, ", {} {how} ", lock.kind)?;
            match thread {
                Some(thread) if *thread == self.own => f.write_str("itself")?,
                _ => write!(f, "{}", Shown(path))?,
            }
            why.iter().try_for_each(|why| write!(f, " ({why})"))?;
        }
        match self.wants {
            Some(Wanted { lock, why }) => write!(f, ", {}, holder unknown ({why})", lock.kind),
            None => Ok(()),
        }
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
