//! Owns the question whether a wait would be for ever: who waits for whom, among threads, scopes and groups (W2).
//! Refuses to be asked by waits that do not block, and by those with a time-out.
//!
//! One lock, taken before any scope's. An edge "A ends only after B" is there if
//! - A blocks in a join of B, or in the closing of a group that B is in: these are noted here;
//! - A runs the body of a scope that B is in: these are read from the tree.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::current;
use crate::error::JoinError;
use crate::record::Record;
use crate::scope_core::{Kind, ScopeCore};
use crate::status::Role;
use crate::sync::{AtomicBool, Mutex, global};

global! {
    static BLOCKED: Mutex<Option<HashMap<u64, Blocked>>> = Mutex::new(None);
}

/// What one OS thread blocks on.
#[derive(Clone)]
struct Blocked {
    on: Target,
    /// Set to wake a join with an error; a closing cannot be woken.
    given_up: Option<Arc<Refusal>>,
}

#[derive(Clone)]
enum Target {
    Thread(Arc<Record>),
    Scope(Arc<ScopeCore>),
}

/// How a join that waits already is told that it closes a cycle.
#[derive(Default)]
struct Refusal {
    flag: AtomicBool,
    cycle: Mutex<Vec<String>>,
}

/// Blocks until `target` has ended, unless that would be for ever.
pub(crate) fn join(target: &Arc<Record>) -> Result<(), JoinError> {
    let refusal = Arc::new(Refusal::default());
    let waiting = Waiting::begin(Blocked {
        on: Target::Thread(Arc::clone(target)),
        given_up: Some(Arc::clone(&refusal)),
    });
    let waiting = waiting.map_err(|cycle| JoinError::WouldDeadlock { cycle })?;
    let ended = target.done.wait(None, &refusal.flag);
    drop(waiting);
    if ended {
        return Ok(());
    }
    Err(JoinError::WouldDeadlock { cycle: std::mem::take(&mut *refusal.cycle.lock()) })
}

/// While it lives, the calling thread is known to block.
#[derive(Debug)]
pub(crate) struct Waiting {
    run: u64,
}

impl Waiting {
    /// For `shutdown` and the closing of a group. A join in the cycle is woken with the error instead, if there is one.
    pub(crate) fn on_scope(core: &Arc<ScopeCore>) -> Result<Waiting, Vec<String>> {
        Waiting::begin(Blocked { on: Target::Scope(Arc::clone(core)), given_up: None })
    }

    fn begin(blocked: Blocked) -> Result<Waiting, Vec<String>> {
        let run = current::run_id();
        let mut guard = BLOCKED.lock();
        let all = guard.get_or_insert_default();
        let driven = match &blocked.on {
            Target::Scope(core) => Some(Arc::clone(core)),
            Target::Thread(_) => None,
        };
        let mut search = Search { me: run, all, driven, seen: HashSet::new(), trail: Vec::new() };
        if search.reaches(&blocked.on) {
            let trail = std::mem::take(&mut search.trail);
            let cycle = names(&trail);
            let join = trail.iter().find_map(|step| all.get(&step.run()).filter(|b| b.given_up.is_some()));
            match (&blocked.given_up, join) {
                (None, Some(join)) => join.refuse(cycle),
                _ => return Err(cycle),
            }
        }
        all.insert(run, blocked);
        Ok(Waiting { run })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let gone = BLOCKED.lock().as_mut().and_then(|all| all.remove(&self.run));
        drop(gone);
    }
}

impl Blocked {
    fn refuse(&self, cycle: Vec<String>) {
        if let (Target::Thread(target), Some(refusal)) = (&self.on, &self.given_up) {
            *refusal.cycle.lock() = cycle;
            target.done.give_up(&refusal.flag);
        }
    }
}

/// The paths of a cycle, the caller first.
fn names(trail: &[Arc<Record>]) -> Vec<String> {
    let caller = current::current().map(|context| context.path().to_owned());
    let caller = caller.unwrap_or_else(|| "the calling thread".to_owned());
    let others = trail.iter().map(|record| record.path().to_owned()).filter(|path| *path != caller);
    std::iter::once(caller.clone()).chain(others).collect()
}

struct Search<'a> {
    me: u64,
    all: &'a HashMap<u64, Blocked>,
    /// The scope that the caller shuts down: it tells the services in there itself.
    driven: Option<Arc<ScopeCore>>,
    seen: HashSet<u64>,
    /// How the search got where it is.
    trail: Vec<Arc<Record>>,
}

/// Work of a search: a place to look at, or the way back from one.
enum Visit {
    Look(Arc<Record>),
    Back,
}

impl Search<'_> {
    /// Whether what blocks on `target` would wait for the calling thread. Iterative: chains may be long.
    fn reaches(&mut self, target: &Target) -> bool {
        let mut list: Vec<Visit> = self.behind(target).into_iter().map(Visit::Look).collect();
        while let Some(visit) = list.pop() {
            let Visit::Look(record) = visit else {
                self.trail.pop();
                continue;
            };
            if record.has_ended() || !self.seen.insert(record.id.0) {
                continue;
            }
            self.trail.push(Arc::clone(&record));
            if record.run() == self.me || self.is_told_after_caller(&record) {
                return true;
            }
            list.push(Visit::Back);
            let blocked = self.all.get(&record.run()).map(|blocked| blocked.on.clone());
            let opened = record.opened().into_iter().map(Target::Scope);
            for next in blocked.into_iter().chain(opened) {
                list.extend(self.behind(&next).into_iter().map(Visit::Look));
            }
        }
        false
    }

    fn is_told_after_caller(&self, service: &Arc<Record>) -> bool {
        let driven = self.driven.as_ref();
        let by_caller = driven.is_some_and(|core| service.core.around().any(|c| Arc::ptr_eq(c, core)));
        !by_caller && is_untold_service_of_caller(service)
    }

    /// Who must end before `target` does.
    fn behind(&self, target: &Target) -> Vec<Arc<Record>> {
        match target {
            Target::Thread(record) => vec![Arc::clone(record)],
            Target::Scope(core) => threads_of(core),
        }
    }
}

/// The threads of a scope and of its groups, and its body, which may run scopes of its own.
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
        drop(state);
        list.extend(opened);
    }
    found
}

/// A service that was not told ends after the users of its scope: if the caller is one of them, or below one, it would
/// wait for itself.
fn is_untold_service_of_caller(service: &Arc<Record>) -> bool {
    if service.role != Role::Service || service.node.is_stopping() {
        return false;
    }
    let made_later = |id: u64| id > service.id.0;
    current::records().iter().any(|own| {
        let mut record = Some(Arc::clone(own));
        while let Some(step) = record {
            let mut core = Arc::clone(&step.core);
            if Arc::ptr_eq(&core, &service.core) {
                return step.role != Role::Service || made_later(step.id.0);
            }
            // A member of a group is as late as its group.
            while core.kind == Kind::Group {
                let Some(parent) = core.parent.clone() else { break };
                if Arc::ptr_eq(&parent, &service.core) {
                    return made_later(core.id);
                }
                core = parent;
            }
            record = core.runner.clone();
        }
        false
    })
}
