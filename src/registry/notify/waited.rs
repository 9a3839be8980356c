//! Owns the line that says which threads a stop waits for.
//! Refuses to wait for a lock for long: a scope whose lock is not free is left out.

use std::sync::Arc;

use crate::rt::order::sort_by_key;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::state_lock::Lock;

/// The number of threads that the line names.
const NAMED: usize = 5;

/// Returns `stopping: waits for 3: feed (overdue), clock, web/conn-1`.
pub(crate) fn line(core: &Arc<ScopeCore>) -> String {
    let mut waited = core.listed_by(Lock::briefly());
    waited.retain(|record| !record.has_ended() && record.node.is_marked());
    if waited.is_empty() {
        return "stopping".to_owned();
    }
    // Stable, so that the oldest thread comes first in each of the two parts.
    sort_by_key(&mut waited, |record| !record.is_overdue());
    let names: Vec<_> = waited.iter().take(NAMED).map(|record| name(core, record)).collect();
    let more = waited.len() - names.len();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("stopping: waits for {}: {}{rest}", waited.len(), names.join(", "))
}

/// The path of a thread, without the root's.
fn name(core: &ScopeCore, record: &Record) -> String {
    let path = record.path();
    let inner = path.strip_prefix(core.path()).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path);
    let overdue = if record.is_overdue() { " (overdue)" } else { "" };
    format!("{inner}{overdue}")
}
