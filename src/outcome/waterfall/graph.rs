//! Owns the relations between the rows of a report: which threads and scopes are in a scope, when
//! the last of them was home, and the members of a scope that a service has to wait for.
//! Refuses to choose a chain: `chain` does.

use std::collections::HashMap;

use crate::outcome::report::offset::StopOffset;
use crate::outcome::report::shutdown::{BodyReport, ScopeReport, ShutdownReport, ThreadReport};
use crate::outcome::status::id::{ScopeId, ThreadId};
use crate::outcome::status::snapshot::Role;

/// The moment at which a thread was home; `Never` if it was not when the report was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Home {
    At(StopOffset),
    // Last, so that it is later than every moment.
    Never,
}

/// A thread, or the body of a scope.
#[derive(Clone, Copy)]
pub(crate) enum Spot<'a> {
    Thread(&'a ThreadReport),
    Body(&'a ScopeReport, &'a BodyReport),
}

impl<'a> Spot<'a> {
    pub(crate) fn home(self) -> Home {
        let ended = match self {
            Spot::Thread(row) => row.ended,
            Spot::Body(_, body) => body.ended,
        };
        ended.map_or(Home::Never, Home::At)
    }

    pub(crate) fn told(self) -> Option<StopOffset> {
        match self {
            Spot::Thread(row) => row.told,
            Spot::Body(scope, _) => scope.told,
        }
    }

    pub(crate) fn path(self) -> &'a str {
        match self {
            Spot::Thread(row) => &row.path,
            Spot::Body(scope, _) => &scope.path,
        }
    }

    pub(crate) fn is_service(self) -> bool {
        matches!(self, Spot::Thread(row) if row.role == Role::Service)
    }

    /// True for the same thread, or the body of the same scope.
    pub(crate) fn is(self, other: Spot<'_>) -> bool {
        match (self, other) {
            (Spot::Thread(one), Spot::Thread(other)) => one.id == other.id,
            (Spot::Body(one, _), Spot::Body(other, _)) => one.id == other.id,
            _ => false,
        }
    }
}

pub(crate) struct Graph<'a> {
    threads: HashMap<ThreadId, &'a ThreadReport>,
    scopes: HashMap<ScopeId, &'a ScopeReport>,
    /// The threads of each scope.
    members: HashMap<ScopeId, Vec<&'a ThreadReport>>,
    /// The scopes and groups right inside of each scope.
    inner: HashMap<ScopeId, Vec<&'a ScopeReport>>,
    /// The scopes that each thread runs the body of.
    run_by: HashMap<ThreadId, Vec<&'a ScopeReport>>,
    /// The last thread of each scope and of the scopes inside it.
    last: HashMap<ScopeId, &'a ThreadReport>,
}

impl<'a> Graph<'a> {
    pub(crate) fn of(report: &'a ShutdownReport) -> Graph<'a> {
        let (mut members, mut inner, mut run_by) = (HashMap::new(), HashMap::new(), HashMap::new());
        for row in &report.threads {
            members.entry(row.scope).or_insert_with(Vec::new).push(row);
        }
        // The first row is the scope of the report. Nothing around it is in the report.
        for scope in report.scopes.iter().skip(1) {
            scope.inside.iter().for_each(|id| inner.entry(*id).or_insert_with(Vec::new).push(scope));
            scope.run_by.iter().for_each(|id| run_by.entry(*id).or_insert_with(Vec::new).push(scope));
        }
        let threads = report.threads.iter().map(|row| (row.id, row)).collect();
        let scopes = report.scopes.iter().map(|scope| (scope.id, scope)).collect();
        let last = last_of_each(report, &members);
        Graph { threads, scopes, members, inner, run_by, last }
    }

    pub(crate) fn thread(&self, id: ThreadId) -> Option<&'a ThreadReport> {
        self.threads.get(&id).copied()
    }

    pub(crate) fn scope(&self, id: ScopeId) -> Option<&'a ScopeReport> {
        self.scopes.get(&id).copied()
    }

    /// The number of scopes, which no chain of scopes exceeds.
    pub(crate) fn depth(&self) -> usize {
        self.scopes.len()
    }

    /// The last thread of a scope, or of a scope inside it.
    pub(crate) fn last(&self, scope: ScopeId) -> Option<&'a ThreadReport> {
        self.last.get(&scope).copied()
    }

    /// The scopes whose bodies run on this thread, or in this body.
    pub(crate) fn run_in(&self, spot: Spot<'a>) -> Vec<&'a ScopeReport> {
        match spot {
            Spot::Thread(row) => self.run_by.get(&row.id).cloned().unwrap_or_default(),
            // A body has no row. So the scopes in it are run by no thread that has one.
            Spot::Body(scope, _) => {
                let inner = self.inner.get(&scope.id).into_iter().flatten().copied();
                let has_row =
                    |scope: &ScopeReport| scope.run_by.is_some_and(|id| self.threads.contains_key(&id));
                inner.filter(|scope| !scope.group && !has_row(scope)).collect()
            }
        }
    }

    /// The members that must be home, or have used up their shares, before the service or group
    /// `id` of the scope is told: its users, and the younger services and groups (E1, E3).
    pub(crate) fn before(&self, scope: ScopeId, id: u64) -> impl Iterator<Item = Spot<'a>> {
        let threads = self.members.get(&scope).into_iter().flatten().copied();
        let users_and_younger = move |row: &&ThreadReport| row.role != Role::Service || row.id.0 > id;
        let threads = threads.filter(users_and_younger).map(Spot::Thread);
        let groups = self.inner.get(&scope).into_iter().flatten().copied();
        let groups = groups.filter(move |inner| inner.group && inner.id.0 > id);
        let groups = groups.filter_map(|group| self.last(group.id)).map(Spot::Thread);
        let body = self.scope(scope).and_then(|scope| Some(Spot::Body(scope, scope.body.as_ref()?)));
        threads.chain(groups).chain(body)
    }
}

/// The last thread of each scope and of the scopes inside it. One walk from the inside out: inner
/// scopes stand behind outer ones.
fn last_of_each<'a>(
    report: &'a ShutdownReport,
    members: &HashMap<ScopeId, Vec<&'a ThreadReport>>,
) -> HashMap<ScopeId, &'a ThreadReport> {
    let mut last: HashMap<ScopeId, &ThreadReport> = HashMap::new();
    for scope in report.scopes.iter().rev() {
        let own = members.get(&scope.id).into_iter().flatten().copied();
        let found = own.chain(last.get(&scope.id).copied()).max_by_key(|row| Spot::Thread(row).home());
        let Some(found) = found else { continue };
        last.insert(scope.id, found);
        let Some(around) = scope.inside else { continue };
        let later = last.get(&around).is_none_or(|row| Spot::Thread(row).home() < Spot::Thread(found).home());
        if later {
            last.insert(around, found);
        }
    }
    last
}
