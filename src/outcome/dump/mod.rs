//! Owns the text of a snapshot, as a person reads it in a dump.
//! Refuses to read the tree of scopes: it prints the data of `status`.
//!
//! Read `tree` first, then `row`.

pub(crate) mod count;
mod row;
mod state;
mod tree;
mod whom;

use std::fmt;

use crate::outcome::dump::count::count;
use crate::outcome::dump::tree::Tree;
use crate::outcome::status::Snapshot;
use crate::rt::shown::Shown;

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (threads, scopes) = count(&self.root);
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        write!(f, "homebound: {threads} thread{} in {scopes} scope{}", plural(threads), plural(scopes))?;
        if !self.ending.is_empty() {
            write!(f, ", and {} on the way out", self.ending.len())?;
        }
        writeln!(f)?;
        Tree::of(self).write(f)?;
        self.ending.iter().try_for_each(|ending| writeln!(f, "{ending}"))?;
        if !self.idle.is_empty() {
            let names: Vec<_> =
                self.idle.iter().map(|idle| format!("{} (tid {})", Shown(&idle.name), idle.os_tid)).collect();
            writeln!(f, "idle, kept warm: {}", names.join(", "))?;
        }
        self.foreign.iter().try_for_each(|foreign| writeln!(f, "{foreign}"))?;
        self.limits.iter().try_for_each(|limit| writeln!(f, "not seen: {}", Shown(limit)))
    }
}
