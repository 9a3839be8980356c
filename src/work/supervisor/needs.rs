//! Owns which children a caller of a supervisor waits for, so that a wait which would be for ever
//! is refused (W2).
//! Refuses to look at the waits of those children: `tree::deadlock` does.
//!
//! | the caller is in | it waits for |
//! |---|---|
//! | `stop_child`, `remove` | the end of the run that is on |
//! | `restart` | the same; then, if the child has a limit, that the next run is ready |
//! | `start`, `add` | that each child that is starting, or the one child, is ready |
//! | `join` | the end of each child; with vital children, the end of one of these |
//!
//! A supervisor that was asked to leave ends although a child does not.

use std::sync::Arc;

use crate::tree::core::ScopeCore;
use crate::tree::deadlock::{Awaited, Need};
use crate::tree::record::Record;
use crate::work::supervisor::board::Board;

pub(super) enum Needs {
    /// The end of this run. `up`: and that the run after it is ready.
    Run { record: Arc<Record>, run: u64, up: bool },
    /// That the children in this group that are starting are ready, or the one of this name.
    Start { core: Arc<ScopeCore>, child: Option<String> },
    /// The end of the supervisor of this group.
    End { core: Arc<ScopeCore>, board: Arc<Board> },
}

impl Needs {
    /// The end of the run of the child of this name that was asked for last. It may not have begun.
    /// `None` if there is no such child.
    pub(super) fn run(board: &Board, child: &str, up: bool) -> Option<Needs> {
        let (record, run) = board.last_run(child)?;
        Some(Needs::Run { record, run, up })
    }
}

impl Awaited for Needs {
    fn needs(&self) -> Vec<Need> {
        match self {
            // Two steps, one after the other: the end of the run, then the word of the next one.
            Needs::Run { record, run, .. } if is_on(record, *run) => vec![Need::End(Arc::clone(record))],
            Needs::Run { record, up: true, .. } => vec![Need::Ready(Arc::clone(record))],
            Needs::Run { .. } => Vec::new(),
            Needs::Start { core, child } => {
                children(core, child.as_deref()).into_iter().map(Need::Ready).collect()
            }
            // A child that does not come home then is left to its scope after `child_grace`.
            Needs::End { board, .. } if board.is_left() => Vec::new(),
            Needs::End { core, board } => {
                let vital = board.vital();
                match vital.is_empty() {
                    true => children(core, None).into_iter().map(Need::End).collect(),
                    false => vec![Need::OneOf(vital)],
                }
            }
        }
    }
}

/// The children that are not over, or the one of this name. Asked of the group, which has a child
/// before its first run begins; the board has it a moment later.
fn children(core: &ScopeCore, name: Option<&str>) -> Vec<Arc<Record>> {
    let wanted = |record: &&Arc<Record>| {
        let is_child = record.traits.runs.is_some() && !record.has_ended();
        is_child && name.is_none_or(|name| record.label.name == name)
    };
    let state = core.lock();
    state.entries.values().map(|entry| &entry.record).filter(wanted).cloned().collect()
}

/// True until this run, which was asked for, has ended.
fn is_on(record: &Record, run: u64) -> bool {
    let runs = record.traits.runs.as_ref();
    runs.is_some_and(|runs| runs.look(|runs| runs.run <= run && runs.before.is_none()))
}
