//! Owns the faults that a test has planted at a point: a stop, a panic, a refusal.
//! Refuses to count points: `fault_plan` does.

use std::io;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;

use crate::outcome::errors::error::SpawnError;
use crate::outcome::reason::StopReason;
use crate::tree::fault_plan::Seed;
use crate::tree::record::Record;

#[cold]
pub(crate) fn visit(record: &Arc<Record>, what: &'static str, at: &'static Location<'static>) {
    // No fault during an unwind: a second panic would abort the process.
    let probe = record.core.root.probe.get().filter(|_| !std::thread::panicking());
    let Some((probe, seed)) = probe.and_then(|probe| Some((probe, probe.next_point()?))) else { return };
    match seed {
        Seed::Nothing | Seed::Refusal => {}
        Seed::Stop => {
            probe.note(record.path(), what, at);
            if let Some(root) = record.core.ancestors().last() {
                root.node.stop(StopReason::Requested { at });
            }
        }
        Seed::Panic => {
            probe.note(record.path(), what, at);
            // Not `panic!`, because a test may plant hundreds, and the panic hook would print each.
            resume_unwind(Box::new(format!("planted at {at}, in {what}")));
        }
    }
}

/// Returns the refusal that a test has planted for the spawn of this thread, if it has.
pub(crate) fn may_spawn(record: &Record) -> Result<(), SpawnError> {
    match record.core.root.probe.get().filter(|_| record.node.is_probed()) {
        Some(probe) if probe.next_spawn() => {
            probe.note(record.path(), "spawn", record.label.at);
            Err(SpawnError::Os(io::Error::new(io::ErrorKind::WouldBlock, "planted refusal of a thread")))
        }
        _ => Ok(()),
    }
}
