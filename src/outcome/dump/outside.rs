//! Owns the lines of a dump about threads that are in no scope, and about what could not be read.
//! Refuses to know the tree.

use std::fmt;

use crate::outcome::dump::alike::{MANY, write_names};
use crate::outcome::status::outside::ForeignThread;
use crate::outcome::status::snapshot::Snapshot;
use crate::outcome::together::{hash_of, together};
use crate::outcome::words::Thousands;
use crate::rt::shown::Shown;

pub(crate) fn write_outside(f: &mut fmt::Formatter<'_>, snapshot: &Snapshot) -> fmt::Result {
    for ending in &snapshot.ending {
        writeln!(f, "{ending}")?;
        ending.stack.iter().try_for_each(|stack| writeln!(f, "      {stack}"))?;
    }
    if !snapshot.idle.is_empty() {
        f.write_str("idle, kept warm: ")?;
        write_names(f, &snapshot.idle, |idle| format!("{} (tid {})", Shown(&idle.name), idle.os_tid))?;
        writeln!(f)?;
    }
    write_foreign(f, &snapshot.foreign)?;
    snapshot.limits.iter().try_for_each(|limit| writeln!(f, "not seen: {}", Shown(limit)))
}

/// Writes foreign threads, many of one name in one line.
fn write_foreign(f: &mut fmt::Formatter<'_>, threads: &[ForeignThread]) -> fmt::Result {
    let shape = |thread: &&ForeignThread| {
        // A row that says why the threads are not known stands for itself.
        let is_known = thread.unknown.is_none();
        is_known.then(|| hash_of(&(stem(&thread.name), thread.guest, thread.before)))
    };
    for group in together(threads.iter().collect(), shape) {
        // One line for a pool of a library, whose threads differ in the number at the end alone.
        if let Some(thread) = group.first().filter(|_| group.len() >= MANY) {
            write!(f, "{} foreign threads alike: ", Thousands(group.len() as u64))?;
            write_names(f, &group, |thread| format!("{} (tid {})", Shown(&thread.name), thread.os_tid))?;
            writeln!(f, "  ({})", thread.since())?;
            thread.stack.iter().try_for_each(|stack| writeln!(f, "      the first: {stack}"))?;
            continue;
        }
        for thread in group {
            writeln!(f, "{thread}")?;
            thread.stack.iter().try_for_each(|stack| writeln!(f, "      {stack}"))?;
        }
    }
    Ok(())
}

/// A name without the number at its end.
fn stem(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}
