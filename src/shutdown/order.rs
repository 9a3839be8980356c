//! Owns the one exit path: what is stopped and waited for, in which order, and until when (E1 to E3).
//! Refuses to know how results are made (`settle`) and where the waiting thread came from.
//!
//! A shutdown has no driver of its own: whoever waits for a scope (its exit path, a `shutdown` call, *stopper*) calls
//! [`step`] again and again. Each action is claimed under the scope's lock, so it is done once, by whoever comes first.
//!
//! ```text
//! open --(last worker home, body home)--> finishing --(services home, last first; deferred run)--> settled
//!   workers:  live --(told at once)--> stopping --(share over)--> overdue
//!   services: live --(later ones home or overdue)--> told --(share over)--> overdue
//! ```

use std::mem::replace;
use std::sync::Arc;
use std::time::Instant;
use std::vec::IntoIter;

use crate::outcome::status::Role;
use crate::rt::awake;
use crate::shutdown::overdue;
use crate::shutdown::settle::settle;
use crate::stop::wakeups::Calls;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::services::{Next, Served};
use crate::tree::state::{Phase, State};

/// Where a scope stands after a step.
pub(crate) struct Progress {
    /// All its threads are home.
    pub(crate) home: bool,
    /// When to look again though nothing has changed.
    pub(crate) until: Option<Instant>,
}

/// Who takes the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driver {
    /// The thread that owns the scope: it settles groups, which runs deferred functions and drops results.
    Exit,
    /// Somebody else: only tells and marks.
    Other,
}

/// The next thing to do, chosen under the lock and done without it.
enum Action {
    Tell(Served, Option<Instant>),
    Overdue(Vec<Arc<Record>>),
    Wait(Option<Instant>),
    Home,
}

/// Blocks until all threads of the scope are home.
pub(crate) fn drive(core: &Arc<ScopeCore>, driver: Driver) {
    drive_until(core, driver, None);
}

/// Blocks until all threads of the scope are home (true), or until `end`, which may move earlier meanwhile (false).
pub(crate) fn drive_until(
    core: &Arc<ScopeCore>,
    driver: Driver,
    end: Option<&dyn Fn() -> Option<Instant>>,
) -> bool {
    loop {
        let seen = core.changes();
        let now = awake::now();
        let mut calls = Calls::default();
        let progress = step(core, driver, now, &mut calls);
        calls.run();
        if progress.home {
            return true;
        }
        let end = end.and_then(|end| end());
        if end.is_some_and(|end| now >= end) {
            return false;
        }
        if core.parent.is_none() && driver == Driver::Exit {
            // Those that have ended are joined while the others end.
            core.root.cache.reap();
            // A thread that comes home now finds nobody to wake, and its root is over the sooner.
            core.look_out(seen);
        }
        core.sleep(seen, progress.until.into_iter().chain(end).min().map(awake::system));
    }
}

/// Does all that can be done now, in this scope and in the groups that have been told. Iterative: depth costs no stack.
///
/// Whom it stops, it marks; the callbacks of that are added to `calls`, for the driver to run. The exit path runs them before it
/// settles a group, which drops those that were not run.
pub(crate) fn step(core: &Arc<ScopeCore>, driver: Driver, now: Instant, calls: &mut Calls) -> Progress {
    let mut around = Vec::new();
    let mut visit = Visit::of(Arc::clone(core), now, calls);
    loop {
        if let Some(group) = visit.groups.next() {
            around.push(replace(&mut visit, Visit::of(group, now, calls)));
        } else if visit.goes_on {
            visit = Visit::of(visit.core, now, calls);
        } else {
            let Some(outer) = around.pop() else { return visit.progress };
            let group = replace(&mut visit, outer);
            visit.leave(&group, driver, calls);
        }
    }
}

/// A scope in which all has been done that can be done now, but for its groups.
struct Visit {
    core: Arc<ScopeCore>,
    progress: Progress,
    /// Those that have been told, as far as they have not been visited.
    groups: IntoIter<Arc<ScopeCore>>,
    /// One of them came home: the scope itself may go on.
    goes_on: bool,
}

impl Visit {
    fn of(core: Arc<ScopeCore>, now: Instant, calls: &mut Calls) -> Visit {
        loop {
            core.look_at();
            // Before the lock for the plan, because `outer_due` takes the locks of other scopes. A root
            // has no scope around it, and a scope that waits for no thread needs no deadline.
            let asks = core.runner.is_some() && core.lock().waits();
            let outer = if asks { core.outer_due() } else { None };
            let mut state = core.lock();
            let action = plan(&core, &mut state, now, outer);
            let groups = state.services.told_groups().into_iter();
            drop(state);
            let progress = match action {
                Action::Tell(served, end) => {
                    calls.add(tell(&core, &served, end));
                    continue;
                }
                Action::Overdue(records) => {
                    records.iter().for_each(|record| calls.add(overdue::mark(record)));
                    continue;
                }
                Action::Wait(until) => Progress { home: false, until },
                Action::Home => Progress { home: true, until: None },
            };
            return Visit { core, progress, groups, goes_on: false };
        }
    }

    /// Comes back from a group, which has come home if that could be done now.
    fn leave(&mut self, group: &Visit, driver: Driver, calls: &mut Calls) {
        self.progress.until = self.progress.until.into_iter().chain(group.progress.until).min();
        if group.progress.home {
            self.goes_on = true;
            if driver == Driver::Exit {
                std::mem::take(calls).run();
            }
            group_is_home(&self.core, &group.core, driver);
        }
    }
}

/// Chooses, and claims what it has chosen.
fn plan(core: &ScopeCore, state: &mut State, now: Instant, outer: Option<Instant>) -> Action {
    let users_home = state.workers == 0 && state.body_home;
    if !users_home {
        let due = state.clock.workers_due(outer);
        // A stop that is still being marked has flag first, clock next: the clock is what counts here.
        if state.clock.began.is_none() || !core.node.is_stopping() {
            return Action::Wait(None);
        }
        if !state.overdue {
            if due.is_none_or(|due| now < due) {
                // `shutdown` called by the body: nobody waits for that, so its services are next.
                let next = state.workers == 0 && state.asked;
                return if next { plan_services(state, now, outer) } else { Action::Wait(due) };
            }
            state.overdue = true;
            return Action::Overdue(users(state));
        }
    } else if state.phase == Phase::Open && core.kind != crate::tree::core::Kind::Group {
        state.phase = Phase::Finishing;
        core.begin_shutdown(state, now);
    }
    plan_services(state, now, outer)
}

/// The services, when their users are home or overdue.
fn plan_services(state: &mut State, now: Instant, outer: Option<Instant>) -> Action {
    let end = state.clock.deadline(outer);
    match state.services.next(now, end) {
        Next::Tell(served, end) => Action::Tell(served, end),
        Next::Overdue(record) => Action::Overdue(vec![record]),
        Next::Wait(until) => Action::Wait(until),
        Next::Home if state.workers == 0 => Action::Home,
        Next::Home => Action::Wait(None),
    }
}

/// Who is overdue when the users of the services are: workers, adopted threads, and the body.
fn users(state: &State) -> Vec<Arc<Record>> {
    let workers = state.entries.values().map(|entry| &entry.record);
    let live = workers.filter(|record| record.role != Role::Service && !record.has_ended());
    let body = state.body.iter().filter(|_| !state.body_home);
    live.chain(body).cloned().collect()
}

fn tell(core: &Arc<ScopeCore>, served: &Served, end: Option<Instant>) -> Calls {
    // Without a stop it is the end of its users, which is one for all services of this scope.
    let inherits = core.node.is_stopping();
    let cause = core.node.cause();
    match served {
        Served::Thread(record) => record.node.mark_for(cause),
        Served::Group(group) => {
            if let Some(end) = end {
                group.lock().clock.limit(end);
            }
            group.node.mark_for(if inherits { cause.of_parent() } else { cause })
        }
    }
}

/// A group's threads are home. Whoever only tells and marks leaves it in its place, for the exit path to settle.
fn group_is_home(core: &Arc<ScopeCore>, group: &Arc<ScopeCore>, driver: Driver) {
    let settled = driver == Driver::Exit && settle(group);
    let mut state = core.lock();
    let left = if settled { state.services.remove(group.id) } else { state.services.set_home(group) };
    drop(state);
    drop(left);
}
