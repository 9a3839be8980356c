//! Owns the rows of a report: what it tells of each thread and of the scopes around these threads.
//! Refuses to count (`tally` does), and to lock the state of a scope: a holder may be stuck, and
//! *watch* makes a report too.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::outcome::report::offset::StopOffset;
use crate::outcome::report::shutdown::{BodyReport, Ending, ScopeReport, ThreadReport};
use crate::outcome::status::id::{ScopeId, ThreadId};
use crate::rt::awake;
use crate::rt::index::Index;
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::record::Record;
use crate::tree::runs::Seen;
use crate::tree::tally::Row;

/// The row of a thread. `began`: when the shutdown began.
pub(crate) fn thread(row: &Row, began: Instant) -> ThreadReport {
    let Row { record, ending } = row;
    let offset = |at: Instant| StopOffset::between(began, at);
    let (ended, overdue, held_before) =
        record.life(|life| (life.ended_at, life.overdue_since(), life.held_by().cloned()));
    // A thread that was counted as away may have ended since. Its row follows the count, so that
    // the report adds up.
    let ended = ended.filter(|_| !matches!(ending, Ending::NotHome | Ending::NotTold));
    let asked = record.node.asked_at();
    let waits = record.wait().filter(|_| ended.is_none());
    let starting = record.starting_since().filter(|_| ended.is_none());
    let Seen { run, restarts, last_failure, .. } = record.runs_seen();
    ThreadReport {
        id: record.id,
        path: record.path().to_owned(),
        name: record.label.name.to_string(),
        purpose: record.label.purpose.to_string(),
        role: record.role,
        scope: ScopeId(record.core.id),
        spawned_from: record.label.at,
        ending: *ending,
        spawned: offset(awake::of_system(record.spawned_at)),
        told: asked.map(offset),
        overdue: overdue.map(offset),
        ended: ended.map(offset),
        held_by: match ended {
            Some(_) => held_before,
            None => waits.as_ref().and_then(|wait| wait.of.held_by()),
        },
        after_stop: ended.zip(asked).map(|(end, asked)| end.saturating_duration_since(asked)),
        run,
        restarts,
        last_failure,
        starting_for: starting.map(|since| since.elapsed()),
        waits: waits.map(|wait| wait.to_string()),
        process: record.process().map(|facts| facts.status()),
        dropped: record.job().map_or(0, |job| job.dropped.load(Ordering::Relaxed)),
    }
}

/// The rows of `top` and of the scopes in it that hold threads of `rows`, the outer ones first.
/// `body`: the record of the body of `top`. `here`: the ids of the threads that the calling thread
/// runs. This call waits for no body on one of these threads.
pub(crate) fn scopes(
    top: &Arc<ScopeCore>,
    rows: &[Row],
    began: Instant,
    body: Option<&Arc<Record>>,
    here: &[ThreadId],
) -> Vec<ScopeReport> {
    let mut known = Index::from_iter([top.id]);
    let mut inner = Vec::new();
    for row in rows {
        let new: Vec<_> = row.record.core.ancestors().take_while(|core| known.add(core.id)).collect();
        inner.extend(new.into_iter().rev());
    }
    let own = scope(top, began, |_| {
        let body = body.filter(|body| !here.contains(&body.id))?;
        Some(BodyReport { overdue: None, ended: None, waits: body.wait().map(|wait| wait.to_string()) })
    });
    let overdue = body.and_then(|body| body.life(|life| life.overdue_since()));
    let overdue = overdue.map(|at| StopOffset::between(began, at));
    let body = own.body.map(|body| BodyReport { overdue, ..body });
    let own = ScopeReport { inside: None, body, ..own };
    // The body of an inner scope runs on a thread that has a row of its own, with its wait.
    let elsewhere = |core: &ScopeCore| {
        let runner = core.runner.as_ref().filter(|runner| !here.contains(&runner.id));
        runner.map(|_| BodyReport { overdue: None, ended: None, waits: None })
    };
    let inner = inner.iter().map(|core| scope(core, began, elsewhere));
    std::iter::once(own).chain(inner).collect()
}

/// The row of a scope. `runs` tells of the body if it has not returned.
fn scope(
    core: &ScopeCore,
    began: Instant,
    runs: impl FnOnce(&ScopeCore) -> Option<BodyReport>,
) -> ScopeReport {
    let offset = |at: Instant| StopOffset::between(began, at);
    let told = core.node.asked_at();
    let returned = |ended: Instant| BodyReport { overdue: None, ended: Some(offset(ended)), waits: None };
    // A group has no body.
    let has_body = told.is_some() && core.kind == Kind::Scope;
    ScopeReport {
        id: ScopeId(core.id),
        path: core.path().to_owned(),
        group: core.kind == Kind::Group,
        inside: core.parent.as_ref().map(|core| ScopeId(core.id)),
        run_by: core.runner.as_ref().map(|runner| runner.id),
        told: told.map(offset),
        body: match core.body_ended.get().filter(|_| has_body) {
            Some(ended) => ended.map(returned),
            None if has_body => runs(core),
            None => None,
        },
    }
}
