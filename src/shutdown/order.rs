//! Owns the one exit path: what is stopped and waited for, in which order, and until when (E1 to
//! E3).
//! Refuses to know how results are made (`settle`) and where the waiting thread came from.
//!
//! A shutdown has no thread of its own. Each thread that waits for a scope drives it: the thread on
//! the exit path, a caller of `shutdown`, and *stopper*. A driver calls [`step`] again and again. A
//! driver claims each action under the scope's lock before it acts, so the first driver acts, and
//! no other one repeats the action.
//!
//! ```text
//! open --(workers and body home, no jobs)--> finishing --(services home, last first)--> settled
//!   workers:  live --(told at once)--> stopping --(share over)--> overdue
//!   services: live --(later ones home or overdue)--> told --(share over)--> overdue
//! ```

use std::mem::replace;
use std::sync::Arc;
use std::time::Instant;
use std::vec::IntoIter;

use crate::outcome::status::snapshot::Role;
use crate::rt::awake;
use crate::shutdown::long_wait::{For, LongWait};
use crate::shutdown::overdue;
use crate::shutdown::settle::settle;
use crate::stop::calls::Calls;
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::pool_facts::close_all;
use crate::tree::record::Record;
use crate::tree::services::{Next, Served};
use crate::tree::state::{Phase, State};

/// Where a scope stands after a step.
pub(crate) struct Progress {
    /// All threads of the scope are home.
    pub(crate) home: bool,
    /// The moment at which the next step is due, even if nothing changes before it. `None`: only a
    /// change makes another step possible.
    pub(crate) until: Option<Instant>,
}

/// The kind of thread that takes the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driver {
    /// The thread that owns the scope: it settles groups, which runs deferred functions and drops
    /// results.
    Exit,
    /// Any other thread: it stops threads and marks them overdue, and settles nothing.
    Other,
}

/// The next action: `plan` chooses it under the scope's lock, and the driver acts without the lock,
/// because acting takes the locks of other scopes.
enum Action {
    /// Stop this service, whose share of the grace ends then.
    Tell(Served, Option<Instant>),
    /// Mark these threads overdue.
    Overdue(Vec<Arc<Record>>),
    /// Wait for a change, until then at most.
    Wait(Option<Instant>),
    /// All threads are home.
    Home,
}

/// Blocks until all threads of the scope are home.
pub(crate) fn drive(core: &Arc<ScopeCore>, driver: Driver) {
    drive_until(core, driver, None);
}

/// Blocks until all threads of the scope are home (true), or until `end` (false). `end` is asked
/// again after each step, because another caller may move it earlier.
pub(crate) fn drive_until(
    core: &Arc<ScopeCore>,
    driver: Driver,
    end: Option<&dyn Fn() -> Option<Instant>>,
) -> bool {
    let mut long: Option<LongWait<'_>> = None;
    loop {
        // Before the step: a change after this ends the sleep below at once. Pairs with
        // `wake_drivers`.
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
            // This thread joins the OS threads that have ended while the others end.
            core.root.cache.reap();
            // A thread that comes home during this spin has no sleeper to wake, so the root ends
            // sooner.
            core.look_out(seen);
        }
        // Made here, because most scopes are home before their first sleep.
        let left = end.map(|end| end.saturating_duration_since(now));
        let long = long.get_or_insert_with(|| LongWait::new(For::Scope(core), left, now));
        long.attend(now);
        let until = progress.until.into_iter().chain(end).chain(long.next()).min();
        core.sleep(seen, until.map(awake::system));
    }
}

/// Takes every action that is possible now, in this scope and in its groups that have been told.
/// The walk is a loop with a list, so that the depth of the tree costs no stack.
///
/// A step marks the nodes of the threads that it stops. It adds their callbacks to `calls`, and the
/// driver runs them. The exit path runs them before it settles a group, because settling drops the
/// callbacks that have not run.
pub(crate) fn step(core: &Arc<ScopeCore>, driver: Driver, now: Instant, calls: &mut Calls) -> Progress {
    let mut around = Vec::new();
    let mut visit = Visit::of(Arc::clone(core), now, calls);
    loop {
        if let Some(group) = visit.groups.next() {
            // Another driver has claimed the telling of this group, and has not marked it yet. Its
            // services wait for that: told now, they would learn that their users are done, and not
            // why their group was stopped. First `look_at`: pairs with `marked`, which wakes this
            // driver then.
            group.look_at();
            if !group.node.is_stopping() {
                continue;
            }
            // Down into the group; its scope waits in the list.
            around.push(replace(&mut visit, Visit::of(group, now, calls)));
        } else if visit.goes_on {
            // A group came home, so the plan of this scope may be another one now.
            visit = Visit::of(visit.core, now, calls);
        } else {
            // All groups are visited: back to the scope around.
            let Some(outer) = around.pop() else { return visit.progress };
            let group = replace(&mut visit, outer);
            visit.leave(&group, driver, calls);
        }
    }
}

/// One scope on the walk. Every action that is possible now has been taken in the scope itself;
/// its groups are still to be visited.
struct Visit {
    core: Arc<ScopeCore>,
    progress: Progress,
    /// The groups that have been told and have not been visited yet.
    groups: IntoIter<Arc<ScopeCore>>,
    /// True once a visited group has come home: then the scope itself may have a next action.
    goes_on: bool,
}

impl Visit {
    fn of(core: Arc<ScopeCore>, now: Instant, calls: &mut Calls) -> Visit {
        loop {
            // Pairs with `wake_drivers`: a change after this wakes the driver again.
            core.look_at();
            // Before the lock for the plan, because `outer_due` takes the locks of other scopes. A
            // root has no scope around it, and a scope that waits for no thread needs no deadline.
            let asks = core.runner.is_some() && core.lock().waits();
            let outer = if asks { core.outer_due() } else { None };
            let mut state = core.lock();
            let action = plan(&core, &mut state, now, outer);
            // The groups are listed only when this scope has no further action, because thousands
            // of groups may be told one after the other.
            let rests = matches!(action, Action::Wait(_) | Action::Home);
            let groups = if rests { state.services.told_groups() } else { Vec::new() };
            drop(state);
            let progress = match action {
                Action::Tell(served, end) => {
                    calls.add(tell(&core, &served, end));
                    core.root.stepped();
                    continue;
                }
                Action::Overdue(records) => {
                    records.iter().for_each(|record| calls.add(overdue::mark(record)));
                    core.root.stepped();
                    continue;
                }
                Action::Wait(until) => Progress { home: false, until },
                Action::Home => Progress { home: true, until: None },
            };
            return Visit { core, progress, groups: groups.into_iter(), goes_on: false };
        }
    }

    /// Returns from a visit to a group, and settles the group if it is home.
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

/// Chooses the next action, and claims it: the state that this changes keeps every other driver
/// from the same action. `outer` is the deadline of the scopes around.
fn plan(core: &ScopeCore, state: &mut State, now: Instant, outer: Option<Instant>) -> Action {
    let users_home = state.workers == 0 && state.body_home;
    if !users_home {
        let due = state.clock.workers_due(outer);
        // Without a stop there is nothing to enforce: workers and body have as long as they like. A
        // stop is known here only when the clock runs and the flag is set. A thread that marks the
        // node sets both, and another thread may read them in between.
        if state.clock.began.is_none() || !core.node.is_stopping() {
            return Action::Wait(None);
        }
        if !state.overdue {
            if due.is_none_or(|due| now < due) {
                // The body itself called `shutdown`, and the workers are home. The call waits for
                // the services and not for the body, so the services are next.
                let next = state.workers == 0 && state.asked;
                return if next { plan_services(state, now, outer) } else { Action::Wait(due) };
            }
            // Stopping to overdue, for workers and body: once, because the flag is set under the
            // lock.
            state.overdue = true;
            return Action::Overdue(users(state));
        }
    } else if state.phase == Phase::Open && core.kind != Kind::Group {
        // Jobs are work, so they are waited for like workers, unless a stop has come. Pairs with
        // `PoolFacts::leave`, which wakes the drivers.
        let pools = state.pools.values().filter_map(|group| group.pool.get()).map(|pool| &**pool);
        if !core.node.is_stopping() && !close_all(pools) {
            return Action::Wait(None);
        }
        // Open to finishing: workers and body are home, and no pool has a job. A group has no body,
        // and stays open until its owner closes it.
        state.phase = Phase::Finishing;
        core.begin_shutdown(state, now);
    }
    plan_services(state, now, outer)
}

/// The next action for the services, once their users are home or overdue.
fn plan_services(state: &mut State, now: Instant, outer: Option<Instant>) -> Action {
    let end = state.clock.deadline(outer);
    match state.services.next(now, end) {
        Next::Tell(served, end) => Action::Tell(served, end),
        Next::Overdue(record) => Action::Overdue(vec![record]),
        Next::Wait(until) => Action::Wait(until),
        // All services are home. If workers are not, which are overdue then, only a worker that
        // comes home makes another step possible.
        Next::Home if state.workers == 0 => Action::Home,
        Next::Home => Action::Wait(None),
    }
}

/// The users of the services that are not home: workers, adopted threads, and the body.
fn users(state: &State) -> Vec<Arc<Record>> {
    let workers = state.entries.values().map(|entry| &entry.record);
    let live = workers.filter(|record| record.role != Role::Service && !record.has_ended());
    let body = state.body.iter().filter(|_| !state.body_home);
    live.chain(body).cloned().collect()
}

/// Stops one service: a thread, or a group with all that is in it.
fn tell(core: &Arc<ScopeCore>, served: &Served, end: Option<Instant>) -> Calls {
    // The body may have heard, by the context around, of a stop whose walk comes to this scope
    // next. Then the services are told for that stop.
    let mut calls = core.node.catch_up();
    // If the scope was not stopped, the cause is the end of the users. The node makes that cause
    // once, so all services of this scope are stopped for one reason with one id.
    let cause = core.node.cause();
    let inherits = cause.id != core.node.key;
    calls.add(match served {
        Served::Thread(record) => record.node.mark_for(cause),
        Served::Group(group) => {
            if let Some(end) = end {
                group.lock().clock.limit(awake::now(), end);
            }
            group.node.mark_for(if inherits { cause.of_parent() } else { cause })
        }
    });
    calls
}

/// To be called when the threads of `group` are home. The exit path settles the group. Any other
/// driver only notes that the group is home, and leaves the settling to the exit path.
fn group_is_home(core: &Arc<ScopeCore>, group: &Arc<ScopeCore>, driver: Driver) {
    let settled = driver == Driver::Exit && settle(group);
    let mut state = core.lock();
    let left = if settled { state.services.remove(group.id) } else { state.services.set_home(group) };
    drop(state);
    drop(left);
}
