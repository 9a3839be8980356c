//! Owns what a look knows of threads that wait for locks: the futex of each, the names of possible
//! holders, and what was found.
//! Refuses to look for a holder: `holders` reads where a lock tells its owner, `guesses` where it
//! does not.

use crate::outcome::status::edge::{Edge, Lock, LockKind, Wanted};
use crate::outcome::status::id::ThreadId;
use crate::outcome::status::snapshot::{Role, Snapshot};
use crate::rt::index::Index;
use crate::rt::order::sort_by_key;
use crate::sight::rows;
use crate::sys::{self, Futex};

/// The limit of a look that had no time for locks.
pub(super) const NO_TIME: &str = "holders of locks: there was no time left to look for them";

/// The name of each thread of the process, by the kernel's id.
pub(super) struct People(Index<(Option<ThreadId>, String)>);

/// A thread that waits at a futex.
pub(super) struct Waiter {
    pub(super) os_tid: u32,
    pub(super) futex: Futex,
    /// The addresses of the frames, by which a second look knows that it sees the same wait.
    #[cfg_attr(not(all(feature = "stacks", target_os = "linux")), allow(dead_code))]
    pub(super) frames: Vec<u64>,
    /// The kind of lock, and the place of the function among the frames in which the thread waits
    /// for it. `None` if the stack tells of no lock.
    pub(super) waits_in: Option<(LockKind, usize)>,
}

/// What was found about the locks of waiters, by the kernel's ids of these: the edge to the holder,
/// or the lock and why its holder is not known.
pub(super) type Found = Index<Result<Edge, Wanted>>;

/// True if the thread waits at the same futex, and the kernel has put it on no processor meanwhile.
pub(super) fn is_unmoved(os_tid: u32, futex: &Futex) -> bool {
    sys::futex_of(os_tid).is_ok_and(|now| now.as_ref() == Some(futex))
}

impl People {
    pub(super) fn of(snapshot: &mut Snapshot) -> People {
        let mut found: Index<(Option<ThreadId>, String)> = Index::new();
        let mut bodies = Vec::new();
        for row in rows::by_interest(&mut snapshot.root) {
            let Some(os_tid) = row.os_tid.filter(|_| rows::is_live(row)) else { continue };
            // A thread that runs the body of a scope has a row of its own, and the body another.
            // The thread's row names it better.
            if row.role == Role::Body {
                bodies.push((os_tid, (Some(row.id), row.path.clone())));
            } else {
                found.insert(os_tid.into(), (Some(row.id), row.path.clone()));
            }
        }
        // The outermost body of a thread without a row, which is the oldest.
        sort_by_key(&mut bodies, |(_, (id, _))| *id);
        for (os_tid, name) in bodies {
            found.get_or_insert_with(os_tid.into(), || name);
        }
        // After the rows of the tree. No id is in two of these lists, unless the kernel has used it
        // again meanwhile, and then the later reading holds.
        let foreign = snapshot.foreign.iter().filter(|row| row.unknown.is_none());
        found
            .extend(foreign.map(|row| (row.os_tid.into(), (None, format!("foreign thread {:?}", row.name)))));
        found.extend(snapshot.ending.iter().map(|row| (row.os_tid.into(), (None, row.path.clone()))));
        People(found)
    }

    /// The edge to the holder of a lock. `why`: of a guess, the reason.
    pub(super) fn edge(&self, holder: u32, lock: Lock, why: Option<&'static str>) -> Edge {
        let (thread, path) = self.0.get(holder.into()).cloned().unwrap_or_else(|| (None, elsewhere(holder)));
        Edge { thread, path, known: why.is_none(), os_tid: Some(holder), lock: Some(lock), why }
    }
}

/// The name of a thread that has no row in the snapshot.
fn elsewhere(os_tid: u32) -> String {
    match sys::thread_of(os_tid) {
        Ok(Some(thread)) => format!("thread {:?}", thread.text()),
        Ok(None) => format!("thread {os_tid}, which has ended"),
        Err(_) => format!("thread {os_tid}"),
    }
}
