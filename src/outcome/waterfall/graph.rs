//! Owns the relations between the rows of a report: which threads and scopes are in a scope, when
//! the last of them was home, and the members of a scope that a service has to wait for.
//! Refuses to choose a chain: `chain` does.

use crate::outcome::report::offset::StopOffset;
use crate::outcome::report::shutdown::{BodyReport, ScopeReport, ShutdownReport, ThreadReport};
use crate::outcome::status::id::{ScopeId, ThreadId};
use crate::outcome::status::snapshot::Role;
use crate::rt::index::Index;

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
    threads: Index<&'a ThreadReport>,
    scopes: Index<&'a ScopeReport>,
    /// The threads of each scope.
    members: Index<Vec<&'a ThreadReport>>,
    /// The scopes and groups right inside of each scope.
    inner: Index<Vec<&'a ScopeReport>>,
    /// The scopes that each thread runs the body of.
    run_by: Index<Vec<&'a ScopeReport>>,
    /// The last thread of each scope and of the scopes inside it.
    last: Index<&'a ThreadReport>,
}

impl<'a> Graph<'a> {
    pub(crate) fn of(report: &'a ShutdownReport) -> Graph<'a> {
        let (mut members, mut inner, mut run_by) = (Index::new(), Index::new(), Index::new());
        for row in &report.threads {
            members.get_or_insert_with(row.scope.0, Vec::new).push(row);
        }
        // The first row is the scope of the report. Nothing around it is in the report.
        for scope in report.scopes.iter().skip(1) {
            scope.inside.iter().for_each(|id| inner.get_or_insert_with(id.0, Vec::new).push(scope));
            scope.run_by.iter().for_each(|id| run_by.get_or_insert_with(id.0, Vec::new).push(scope));
        }
        let threads = report.threads.iter().map(|row| (row.id.0, row)).collect();
        let scopes = report.scopes.iter().map(|scope| (scope.id.0, scope)).collect();
        let last = last_of_each(report, &members);
        Graph { threads, scopes, members, inner, run_by, last }
    }

    pub(crate) fn thread(&self, id: ThreadId) -> Option<&'a ThreadReport> {
        self.threads.get(id.0).copied()
    }

    pub(crate) fn scope(&self, id: ScopeId) -> Option<&'a ScopeReport> {
        self.scopes.get(id.0).copied()
    }

    /// The number of scopes, which no chain of scopes exceeds.
    pub(crate) fn depth(&self) -> usize {
        self.scopes.len()
    }

    /// The last thread of a scope, or of a scope inside it.
    pub(crate) fn last(&self, scope: ScopeId) -> Option<&'a ThreadReport> {
        self.last.get(scope.0).copied()
    }

    /// The scopes whose bodies run on this thread, or in this body.
    pub(crate) fn run_in(&self, spot: Spot<'a>) -> Vec<&'a ScopeReport> {
        match spot {
            Spot::Thread(row) => self.run_by.get(row.id.0).cloned().unwrap_or_default(),
            // A body has no row. So the scopes in it are run by no thread that has one.
            Spot::Body(scope, _) => {
                let inner = self.inner(scope.id).iter().copied();
                let has_row =
                    |scope: &ScopeReport| scope.run_by.is_some_and(|id| self.threads.contains(id.0));
                inner.filter(|scope| !scope.group && !has_row(scope)).collect()
            }
        }
    }

    /// The scopes and groups right inside of this one.
    fn inner(&self, scope: ScopeId) -> &[&'a ScopeReport] {
        self.inner.get(scope.0).map_or(&[], Vec::as_slice)
    }

    /// The members that must be home, or have used up their shares, before the service or group
    /// `id` of the scope is told: its users, and the younger services and groups (E1, E3).
    pub(crate) fn before(&self, scope: ScopeId, id: u64) -> Vec<Spot<'a>> {
        let members = self.members.get(scope.0).map_or(&[][..], Vec::as_slice);
        let users_and_younger = |row: &&&ThreadReport| row.role != Role::Service || row.id.0 > id;
        let mut found: Vec<&ThreadReport> = members.iter().filter(users_and_younger).copied().collect();
        // A group counts as a service: it is told after the users, and after younger services.
        let groups = self.inner(scope).iter().filter(|inner| inner.group && inner.id.0 > id);
        found.extend(groups.filter_map(|group| self.last(group.id)));
        let mut found: Vec<_> = found.into_iter().map(Spot::Thread).collect();
        let body = self.scope(scope).and_then(|scope| Some(Spot::Body(scope, scope.body.as_ref()?)));
        found.extend(body);
        found
    }
}

/// The last thread of each scope and of the scopes inside it. One walk from the inside out: inner
/// scopes stand behind outer ones.
fn last_of_each<'a>(
    report: &'a ShutdownReport,
    members: &Index<Vec<&'a ThreadReport>>,
) -> Index<&'a ThreadReport> {
    let mut last: Index<&ThreadReport> = Index::new();
    for scope in report.scopes.iter().rev() {
        let own = members.get(scope.id.0).map_or(&[][..], Vec::as_slice).iter().copied();
        let found = own.chain(last.get(scope.id.0).copied()).max_by_key(|row| Spot::Thread(row).home());
        let Some(found) = found else { continue };
        // Then hand the last thread on to the scope around, whose own turn comes later.
        last.insert(scope.id.0, found);
        let Some(around) = scope.inside else { continue };
        let later =
            last.get(around.0).is_none_or(|row| Spot::Thread(row).home() < Spot::Thread(found).home());
        if later {
            last.insert(around.0, found);
        }
    }
    last
}
