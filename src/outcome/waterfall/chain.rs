//! Owns the critical chain of a shutdown: from the last thread that came home backwards, each link
//! is the thread for which the link before it had to wait.
//! Refuses to know how the chain is drawn.
//!
//! A thread comes home late for one of two reasons. Something held it: it waited for the threads of
//! a scope, or joined a thread. Or it was told late: a service is told when the members before it
//! are home, or have used up their shares (E1, E3). A worker is told with its scope, so the search
//! goes outwards: to the group, or to the thread that runs the body of the scope.
//!
//! ```text
//! last one home --held by--> thread of its child scope --told with--> its scope, the thread around
//!       |                                                                |
//!       +--told after--> user or younger service  <--told after----------+        none: the stop
//! ```

use std::time::Duration;

use crate::outcome::report::offset::StopOffset;
use crate::outcome::report::shutdown::{Ending, ShutdownReport};
use crate::outcome::status::id::ThreadId;
use crate::outcome::status::snapshot::Role;
use crate::outcome::waterfall::graph::{Graph, Home, Spot};

/// The part of the whole time under which the body or the worker next to the stop is left out: it
/// only woke up.
const NEGLIGIBLE: u32 = 20;

/// One link of the critical chain of a shutdown: see [`ShutdownReport::critical_chain`].
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ChainLink {
    /// The thread; `None` for the body of a scope.
    pub thread: Option<ThreadId>,
    /// The path of the thread, or of the scope.
    pub path: String,
    /// The role of the thread in its scope.
    pub role: Role,
    /// When the thread was told to stop.
    pub told: Option<StopOffset>,
    /// When the thread was home. `None` if it was not when the report was made.
    pub ended: Option<StopOffset>,
    /// The part of the time for which this link is to blame: from the moment at which the next link
    /// of the list let it go on. The parts of all links add up to the time from the stop to the
    /// end.
    pub took: Duration,
    /// The wait in which the thread was when the report was made, if it was not home.
    pub waits: Option<String>,
    /// What this link delayed.
    pub delayed: Delayed,
}

/// What a link of the critical chain delayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Delayed {
    /// The end: the thread was the last one home, or is not home.
    End,
    /// The turn of the link before it, which was told when this thread was home.
    Turn,
    /// The turn of the link before it, which was told when the share of this thread was over.
    TurnAfterShare,
    /// A wait of the link before it: for the end of a scope or group, or for this thread.
    Wait,
}

/// A link that is found, and the moment at which it let the link before it go on.
struct Step<'a> {
    spot: Spot<'a>,
    let_go: StopOffset,
    delayed: Delayed,
}

/// The links, the last thread that came home first.
pub(crate) fn critical_chain(report: &ShutdownReport) -> Vec<ChainLink> {
    let graph = Graph::of(report);
    let end = StopOffset::of(report.duration);
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut next = first(report, end);
    while let Some(step) = next {
        // Each link once: damaged data, such as two scopes that are in each other, ends here.
        if steps.iter().any(|known| known.spot.is(step.spot)) {
            break;
        }
        // The wait comes first, because it held the thread after the thread was told.
        next = held(&graph, &step).or_else(|| told_after(&graph, step.spot));
        steps.push(step);
    }
    leave_out_negligible(&mut steps, end);
    let starts = steps.iter().skip(1).map(|step| step.let_go).chain([StopOffset::default()]);
    steps.iter().zip(starts).map(|(step, start)| link(step, start)).collect()
}

/// The last thread that came home. If threads are not home: among them the thread that was told
/// last, and of several the outermost, because it may wait for the others.
fn first(report: &ShutdownReport, end: StopOffset) -> Option<Step<'_>> {
    let is_waited_for = |spot: &Spot<'_>| match spot {
        // A service that was not told yet has delayed nothing.
        Spot::Thread(row) => row.ending != Ending::NotTold && spot.home() > Home::At(StopOffset::default()),
        Spot::Body(..) => spot.home() == Home::Never,
    };
    let body = report.scopes.first().and_then(|top| Some(Spot::Body(top, top.body.as_ref()?)));
    let spots = report.threads.iter().map(Spot::Thread).chain(body).filter(is_waited_for);
    let depth = |spot: Spot<'_>| spot.path().matches('/').count();
    let last = spots.max_by_key(|spot| (spot.home(), spot.told(), std::cmp::Reverse(depth(*spot))))?;
    let let_go = match last.home() {
        Home::At(ended) => ended,
        Home::Never => end,
    };
    Some(Step { spot: last, let_go, delayed: Delayed::End })
}

/// The thread that this one waited for, after it was told.
fn held<'a>(graph: &Graph<'a>, step: &Step<'a>) -> Option<Step<'a>> {
    let spot = step.spot;
    let held_by = match spot {
        Spot::Thread(row) => row.held_by.as_ref(),
        Spot::Body(..) => None,
    };
    let joined = held_by.and_then(|held| held.thread).and_then(|id| graph.thread(id));
    let scope = held_by.and_then(|held| held.scope);
    let scopes = graph.run_in(spot).into_iter().map(|scope| scope.id).chain(scope);
    let others = joined.into_iter().chain(scopes.filter_map(|scope| graph.last(scope))).map(Spot::Thread);
    let told = Home::At(spot.told().unwrap_or_default().max(StopOffset::default()));
    // A thread that was home before this one was told held nobody. A thread that was home later
    // than this one was not waited for.
    let holds = |other: &Spot<'_>| told < other.home() && other.home() <= spot.home() && !other.is(spot);
    let last = others.filter(holds).max_by_key(|other| other.home())?;
    Some(Step { spot: last, let_go: reached(last.home(), step.let_go), delayed: Delayed::Wait })
}

/// The member whose end, or whose share, let this thread be told; or, if the thread was told with
/// its scope, let the scope be told. `None`: the stop itself.
fn told_after<'a>(graph: &Graph<'a>, spot: Spot<'a>) -> Option<Step<'a>> {
    // The place in the tree from which the search goes outwards: a member of `around`.
    let (mut id, mut served, mut told, mut around) = match spot {
        Spot::Thread(row) => (row.id.0, spot.is_service(), row.told?, row.scope),
        Spot::Body(scope, _) => (scope.id.0, false, scope.told?, scope.id),
    };
    // Bounded, in case of damaged data: no tree is deeper than its scopes.
    for _ in 0..=graph.depth() {
        // Told by the stop itself, so the chain ends here.
        if told <= StopOffset::default() {
            return None;
        }
        if served {
            let turn = graph.before(around, id).into_iter().filter_map(|member| turn(member, told));
            if let Some(turn) = turn.max_by_key(|step| step.let_go) {
                return Some(turn).filter(|step| step.let_go > StopOffset::default());
            }
        }
        // Told with its scope.
        let scope = graph.scope(around)?;
        let runner = scope.run_by.and_then(|id| graph.thread(id));
        (id, served, told, around) = match runner {
            Some(row) => (row.id.0, row.role == Role::Service, row.told?, row.scope),
            None => (scope.id.0, scope.group, scope.told?, scope.inside?),
        };
    }
    None
}

/// A member before a service that was told at `told`: it was home, or else its share was over.
/// `None`: a body that nobody waited for, because it may run on after a call of `shutdown`.
fn turn(spot: Spot<'_>, told: StopOffset) -> Option<Step<'_>> {
    match spot.home() {
        Home::At(ended) if ended <= told => Some(Step { spot, let_go: ended, delayed: Delayed::Turn }),
        _ if matches!(spot, Spot::Body(_, body) if body.overdue.is_none()) => None,
        // Not home when the service was told, so the share was over at that moment.
        _ => Some(Step { spot, let_go: told, delayed: Delayed::TurnAfterShare }),
    }
}

fn reached(home: Home, at_most: StopOffset) -> StopOffset {
    match home {
        Home::At(ended) => ended.min(at_most),
        Home::Never => at_most,
    }
}

/// Takes the links next to the stop off that only woke up.
fn leave_out_negligible(steps: &mut Vec<Step<'_>>, end: StopOffset) {
    let limit = StopOffset::of(end.after() / NEGLIGIBLE);
    let woke_up = |step: &Step<'_>| !step.spot.is_service() && step.let_go < limit;
    while steps.len() > 1 && steps.last().is_some_and(woke_up) {
        steps.pop();
    }
}

fn link(step: &Step<'_>, start: StopOffset) -> ChainLink {
    let (thread, role, ended, waits) = match step.spot {
        Spot::Thread(row) => (Some(row.id), row.role, row.ended, &row.waits),
        Spot::Body(_, body) => (None, Role::Body, body.ended, &body.waits),
    };
    ChainLink {
        thread,
        path: step.spot.path().to_owned(),
        role,
        told: step.spot.told(),
        ended,
        took: step.let_go.after().saturating_sub(start.after()),
        waits: waits.clone(),
        delayed: step.delayed,
    }
}
