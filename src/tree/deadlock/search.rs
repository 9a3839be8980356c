//! Owns the search for a way from the target of a wait back to the calling thread.
//! Refuses to note waits, and to decide which of them gives up: the table does.

use std::sync::Arc;

use super::{Awaited, Need, Table, Target};
use crate::rt::index::Index;
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::readiness::Stage;
use crate::tree::record::Record;
use crate::tree::users::is_untold_service_of_caller;

/// The number of choices ([`Visit::OneOf`]) that a search looks into, one inside the other. Each
/// may double the work, which is done under the lock of the table. A deadlock with more of them is
/// not found.
const DEEPEST: usize = 8;

/// One search for the calling thread, from what it is about to wait for.
pub(super) struct Search<'a> {
    /// The number of the calling OS thread.
    me: u64,
    /// The threads that wait for a callback which the caller runs.
    owed: &'a [u64],
    table: &'a Table,
    /// The scope that the caller shuts down, whose services the caller will tell itself.
    driven: Option<Arc<ScopeCore>>,
    /// Ids of the threads whose choices this search looks into. A way back to such a thread is no
    /// way out, because it goes on only after the choice.
    choosing: Vec<u64>,
    /// Ids of threads that were visited for their end, and of threads that were visited for their
    /// readiness: each is searched once for both, because fewer threads wait for a readiness.
    seen: [Index<()>; 2],
    /// The threads from the start to where the search is, each waiting for the next.
    pub(super) trail: Vec<Arc<Record>>,
}

/// Work of a search: a thread to look at, or the way back from it.
enum Visit {
    /// A join waits for this thread, until it has ended.
    End(Arc<Record>),
    /// The driver of its scope waits for this thread, until it is home: after its callbacks.
    Home(Arc<Record>),
    /// A starter waits for this thread, until it is ready.
    Ready(Arc<Record>),
    /// A join waits until one of these threads has ended.
    OneOf(Vec<Arc<Record>>),
    Back,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        me: u64,
        owed: &'a [u64],
        table: &'a Table,
        driven: Option<Arc<ScopeCore>>,
    ) -> Search<'a> {
        let (choosing, trail) = Default::default();
        Search { me, owed, table, driven, choosing, seen: [Index::new(), Index::new()], trail }
    }

    /// True if the end of `target` would wait for the calling thread. Leaves the way to it in
    /// `trail`. Iterative, because chains may be long.
    pub(super) fn reaches(&mut self, target: &Target) -> bool {
        let mut list: Vec<Visit> = behind(target);
        while let Some(visit) = list.pop() {
            let (record, over) = match &visit {
                Visit::End(record) => (record, record.has_ended()),
                Visit::Home(record) => (record, record.is_home()),
                Visit::Ready(record) => (record, record.has_ended() || record.stage() == Stage::Ready),
                Visit::OneOf(records) => {
                    if self.all_reach(records) {
                        return true;
                    }
                    continue;
                }
                Visit::Back => {
                    self.trail.pop();
                    continue;
                }
            };
            // A thread that is over waits for nothing.
            let is_start = matches!(visit, Visit::Ready(_));
            let kind = usize::from(is_start);
            if over || self.seen[kind].contains(record.id.0) {
                continue;
            }
            // The cycle is closed if this thread is the caller, or waits for it.
            let waits_for_caller = record.os_thread() == self.me || self.owed.contains(&record.id.0);
            let chooses = self.choosing.contains(&record.id.0);
            if waits_for_caller || chooses || (!is_start && self.is_told_after_caller(record)) {
                self.trail.push(Arc::clone(record));
                return true;
            }
            let next = self.next(record, is_start);
            // Most targets wait for nothing, and need not be remembered. The threads of a scope
            // are, because each wait for the scope lists all of them again.
            if !next.is_empty() || matches!(visit, Visit::Home(_)) {
                self.seen[kind].add(record.id.0);
            }
            if next.is_empty() {
                continue;
            }
            self.trail.push(Arc::clone(record));
            // Pushed before the next visits, so that the way back comes after all of them.
            list.push(Visit::Back);
            list.extend(next);
        }
        false
    }

    /// True if each of these threads waits for the calling thread, so that none of them ends. The
    /// last thread of the trail waits for one of them: a thread that waits for it in turn does not
    /// end either. Extends the trail by a way to the calling thread, if one of them is such a way.
    fn all_reach(&mut self, records: &[Arc<Record>]) -> bool {
        if self.choosing.len() == DEEPEST {
            return false;
        }
        let chooser = self.trail.last().map(|record| record.id.0);
        let choosing: Vec<_> = self.choosing.iter().copied().chain(chooser).collect();
        let mut way: Option<Vec<Arc<Record>>> = None;
        for record in records {
            let search = Search::new(self.me, self.owed, self.table, self.driven.clone());
            let mut search = Search { choosing: choosing.clone(), ..search };
            if !search.reaches(&Target::Thread(Arc::clone(record))) {
                return false;
            }
            let to_caller = search.trail.last().is_some_and(|end| !choosing.contains(&end.id.0));
            if to_caller || way.is_none() {
                way = Some(search.trail);
            }
        }
        self.trail.extend(way.into_iter().flatten());
        true
    }

    /// The threads that must end, or be ready, before `record` ends. For its readiness: before it
    /// can go on.
    fn next(&self, record: &Record, is_start: bool) -> Vec<Visit> {
        let blocked = self.table.waits_of(record).map(|blocked| blocked.on.clone());
        let mut opened = record.opened();
        if is_start {
            // A thread may become ready in the body of a scope, and not while it waits for the
            // threads of a scope whose body is over.
            opened.retain(|core| core.lock().body_home);
        }
        blocked.chain(opened.into_iter().map(Target::Scope)).flat_map(|next| behind(&next)).collect()
    }

    /// True if this service is told only after the caller has ended. It may be ready before.
    fn is_told_after_caller(&self, service: &Arc<Record>) -> bool {
        // The caller drives the scope of the service, so it tells the service while it waits.
        let driven = self.driven.as_ref();
        let by_caller = driven.is_some_and(|core| service.core.ancestors().any(|c| Arc::ptr_eq(c, core)));
        !by_caller && is_untold_service_of_caller(service)
    }
}

/// The threads that must end before `target` does.
fn behind(target: &Target) -> Vec<Visit> {
    match target {
        Target::Thread(record) => vec![Visit::End(Arc::clone(record))],
        Target::Ready(record) => vec![Visit::Ready(Arc::clone(record))],
        Target::Scope(core) => threads_of(core).into_iter().map(Visit::Home).collect(),
        Target::ThreadWith(record, with) => {
            let mut visits = needed(&**with);
            visits.push(Visit::End(Arc::clone(record)));
            visits
        }
        Target::Needs(needs) => needed(&**needs),
    }
}

fn needed(by: &dyn Awaited) -> Vec<Visit> {
    let visit = |need| match need {
        Need::End(record) => Visit::End(record),
        Need::Ready(record) => Visit::Ready(record),
        Need::OneOf(records) => Visit::OneOf(records),
    };
    by.needs().into_iter().map(visit).collect()
}

/// The threads of a scope and of its groups, and of the scopes that its body has opened.
fn threads_of(core: &Arc<ScopeCore>) -> Vec<Arc<Record>> {
    let mut found = Vec::new();
    let mut list = vec![Arc::clone(core)];
    while let Some(core) = list.pop() {
        let state = core.lock();
        found.extend(state.entries.values().map(|entry| Arc::clone(&entry.record)));
        let inner = state.scopes.values().filter_map(std::sync::Weak::upgrade);
        list.extend(inner.filter(|inner| inner.kind == Kind::Group));
        let body = state.body.iter().flat_map(|body| body.opened());
        let opened: Vec<_> = body.collect();
        // With the lock free: no lock of a scope is held while another is taken.
        drop(state);
        list.extend(opened);
    }
    found
}
