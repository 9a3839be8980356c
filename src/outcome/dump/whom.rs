//! Owns the text of which thread or scope a wait is for.
//! Refuses to find that out: it prints the edges of `status`.

use std::fmt;

use crate::outcome::dump::count::members;
use crate::outcome::dump::items::Tree;
use crate::outcome::status::snapshot::{ScopeStatus, ThreadStatus};
use crate::outcome::words::{ITS_ENDS, ITS_THREADS};
use crate::rt::shown::Shown;

/// Number of threads that a wait names at most.
const NAMED: usize = 3;

/// Writes which thread or scope a wait is for, and the members that a scope still waits for.
pub(crate) fn write_whom(
    f: &mut fmt::Formatter<'_>,
    tree: &Tree<'_>,
    scope: &ScopeStatus,
    thread: &ThreadStatus,
    what: &str,
) -> fmt::Result {
    if what == ITS_ENDS {
        return write_names(f, tree.snapshot.ending.iter().map(|ending| &*ending.name));
    }
    if let Some(count) = thread.waits_for_first_of {
        return write!(f, " of {count} threads");
    }
    // The holder of a lock is told behind the kernel's view.
    let Some(edge) = thread.waits_for.iter().find(|edge| edge.lock.is_none()) else { return Ok(()) };
    // A join: of one thread, whose path says all.
    if edge.thread.is_some() {
        return write!(f, " of {}", Shown(&edge.path));
    }
    // A body that waits for the threads of its own scope: the row stands below that scope's
    // name already.
    if what != ITS_THREADS {
        write!(f, " {}", Shown(&edge.path))?;
    }
    // The row's own scope first, because other scopes may have the same path.
    let target = if scope.path == edge.path { Some(scope) } else { tree.by_path.get(&edge.path) };
    let Some(target) = target else { return Ok(()) };
    // The scope waits for its members, and for its groups as for services.
    let groups = target.scopes.iter().filter(|inner| inner.group).map(|group| &*group.name);
    write_names(f, members(target).map(|thread| &*thread.name).chain(groups))
}

/// Writes the number of names, and the first [`NAMED`] of them.
fn write_names<'a>(f: &mut fmt::Formatter<'_>, names: impl Iterator<Item = &'a str>) -> fmt::Result {
    let (mut first, mut count) = (Vec::new(), 0_usize);
    for name in names {
        count += 1;
        if first.len() < NAMED {
            first.push(Shown(name).to_string());
        }
    }
    let more = if count > NAMED { ", .." } else { "" };
    if count == 0 { Ok(()) } else { write!(f, " ({count}: {}{more})", first.join(", ")) }
}
