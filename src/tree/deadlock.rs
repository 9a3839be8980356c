//! Owns the question whether a wait would be for ever: who waits for whom, among threads, scopes and groups (W2).
//! Refuses to be asked by waits that do not block, and by those with a time-out.
//!
//! One lock, taken before any scope's. An edge "A ends only after B" is there if
//! - A blocks in a join of B, or in the closing of a group that B is in: these are noted here;
//! - A runs the body of a scope that B is in: these are read from the tree;
//! - a callback of A's runs on B: A waits for it when it ends. These are noted here, when B blocks.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use crate::outcome::failure::JoinError;
use crate::outcome::status::Role;
use crate::rt::this_thread;
use crate::sync::local::*;
use crate::sync::{AtomicBool, Mutex, global};
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::current;
use crate::tree::record::Record;

global! {
    static BLOCKED: Mutex<Option<Table>> = Mutex::new(None);
}

per_thread! {
    /// Whose callbacks the calling thread is in.
    static CALLBACKS_OF: RefCell<Vec<Weak<Record>>> = const { RefCell::new(Vec::new()) };
}

#[derive(Default)]
struct Table {
    /// By OS thread.
    blocked: HashMap<u64, Blocked>,
    /// Threads whose callbacks the blocked ones are in: by id, on which OS thread.
    owed: HashMap<u64, u64>,
}

/// What one OS thread blocks on.
struct Blocked {
    on: Target,
    /// Set to wake a join with an error; a closing cannot be woken.
    given_up: Option<Arc<Refusal>>,
    /// What it blocks on besides, from before: whoever drives a scope runs the program's code, which may wait.
    around: Option<Box<Blocked>>,
}

/// Runs a callback of this thread, which ends only after it.
pub(crate) fn as_callback_of(record: Weak<Record>, f: impl FnOnce()) {
    let _gone_in_destructors = CALLBACKS_OF.try_with(|all| all.borrow_mut().push(record));
    let leave = scopeguard::guard((), |()| {
        let popped = CALLBACKS_OF.try_with(|all| all.borrow_mut().pop());
        drop(popped);
    });
    current::as_guest(f);
    drop(leave);
}

/// Ids of those who wait for the calling thread, since it runs a callback of theirs: a body's are its thread's, too.
fn owed_to() -> Vec<u64> {
    let all = CALLBACKS_OF.try_with(|all| all.borrow().iter().filter_map(Weak::upgrade).collect::<Vec<_>>());
    let mut found = Vec::new();
    for record in all.unwrap_or_default() {
        let mut next = Some(record);
        while let Some(record) = next {
            found.push(record.id.0);
            next = record.core.runner.clone().filter(|_| record.role == Role::Body);
        }
    }
    found
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

/// While it lives, the calling thread is known to block in a join. A wait that would close a cycle with this join makes it give up.
pub(crate) struct Joining {
    refusal: Arc<Refusal>,
    _waiting: Waiting,
}

impl Joining {
    /// For a thread that is about to wait until `target` has ended; refused if that would be for ever.
    pub(crate) fn begin(target: &Arc<Record>) -> Result<Joining, JoinError> {
        let refusal = Arc::new(Refusal::default());
        let waiting = Waiting::begin(Blocked {
            on: Target::Thread(Arc::clone(target)),
            given_up: Some(Arc::clone(&refusal)),
            around: None,
        });
        let waiting = waiting.map_err(|cycle| JoinError::WouldDeadlock { cycle })?;
        Ok(Joining { refusal, _waiting: waiting })
    }

    /// Set by the wait that closes a cycle; the join returns [`refusal`](Self::refusal) then.
    pub(crate) fn given_up(&self) -> &AtomicBool {
        &self.refusal.flag
    }

    /// The cycle for which it was given up.
    pub(crate) fn refusal(self) -> JoinError {
        JoinError::WouldDeadlock { cycle: std::mem::take(&mut *self.refusal.cycle.lock()) }
    }
}

/// While it lives, the calling thread is known to block.
#[derive(Debug)]
pub(crate) struct Waiting {
    run: u64,
    /// Those of which it was not known before that they wait for this thread.
    owed: Vec<u64>,
}

impl Waiting {
    /// For `shutdown` and the closing of a group. A join in the cycle is woken with the error instead, if there is one.
    pub(crate) fn on_scope(core: &Arc<ScopeCore>) -> Result<Waiting, Vec<String>> {
        Waiting::begin(Blocked { on: Target::Scope(Arc::clone(core)), given_up: None, around: None })
    }

    fn begin(mut blocked: Blocked) -> Result<Waiting, Vec<String>> {
        let (run, mut owed) = (this_thread::number(), owed_to());
        let mut guard = BLOCKED.lock();
        let table = guard.get_or_insert_default();
        let driven = match &blocked.on {
            Target::Scope(core) => Some(Arc::clone(core)),
            Target::Thread(_) => None,
        };
        let mut search =
            Search { me: run, owed: &owed, table, driven, seen: HashSet::new(), trail: Vec::new() };
        if search.reaches(&blocked.on) {
            let trail = std::mem::take(&mut search.trail);
            let cycle = names(&trail);
            let steps = trail.iter().zip(trail.iter().skip(1));
            let mut joins =
                steps.filter_map(|(step, next)| table.waits_of(step).find(|wait| wait.is_join_of(next)));
            match (&blocked.given_up, joins.next()) {
                (None, Some(join)) => join.refuse(cycle),
                _ => return Err(cycle),
            }
        }
        blocked.around = table.blocked.remove(&run).map(Box::new);
        table.blocked.insert(run, blocked);
        owed.retain(|id| table.owed.insert(*id, run) != Some(run));
        Ok(Waiting { run, owed })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut guard = BLOCKED.lock();
        let Some(table) = guard.as_mut() else { return };
        for id in &self.owed {
            table.owed.remove(id);
        }
        let mut gone = table.blocked.remove(&self.run);
        if let Some(around) = gone.as_mut().and_then(|gone| gone.around.take()) {
            table.blocked.insert(self.run, *around);
        }
        drop(guard);
        drop(gone);
    }
}

impl Table {
    /// What this thread blocks on, and what those block on who run a callback of it.
    fn waits_of(&self, record: &Record) -> impl Iterator<Item = &Blocked> {
        let callback = self.owed.get(&record.id.0).and_then(|run| self.blocked.get(run));
        let innermost = self.blocked.get(&record.os_thread()).into_iter().chain(callback);
        innermost.flat_map(|wait| std::iter::successors(Some(wait), |wait| wait.around.as_deref()))
    }
}

impl Blocked {
    fn is_join_of(&self, record: &Record) -> bool {
        matches!(&self.on, Target::Thread(joined) if joined.id == record.id) && self.given_up.is_some()
    }

    fn refuse(&self, cycle: Vec<String>) {
        if let (Target::Thread(target), Some(refusal)) = (&self.on, &self.given_up) {
            *refusal.cycle.lock() = cycle;
            target.done.give_up(&refusal.flag);
        }
    }
}

/// The paths of a cycle, the caller first.
fn names(trail: &[Arc<Record>]) -> Vec<String> {
    let caller = current::record().map(|record| record.path().to_owned());
    let caller = caller.unwrap_or_else(|| "the calling thread".to_owned());
    let others = trail.iter().map(|record| record.path().to_owned()).filter(|path| *path != caller);
    std::iter::once(caller.clone()).chain(others).collect()
}

struct Search<'a> {
    me: u64,
    /// Who waits for a callback that the caller runs.
    owed: &'a [u64],
    table: &'a Table,
    /// The scope that the caller shuts down: it tells the services in there itself.
    driven: Option<Arc<ScopeCore>>,
    seen: HashSet<u64>,
    /// How the search got where it is.
    trail: Vec<Arc<Record>>,
}

/// Work of a search: a place to look at, or the way back from one.
enum Visit {
    /// A thread that is waited for until it has ended: by a join.
    End(Arc<Record>),
    /// One that is waited for until it is home: by whoever drives its scope. What is called at its end runs before that.
    Home(Arc<Record>),
    Back,
}

impl Search<'_> {
    /// Whether what blocks on `target` would wait for the calling thread. Iterative: chains may be long.
    fn reaches(&mut self, target: &Target) -> bool {
        let mut list: Vec<Visit> = behind(target);
        while let Some(visit) = list.pop() {
            let (record, over) = match visit {
                Visit::End(record) => (Arc::clone(&record), record.has_ended()),
                Visit::Home(record) => (Arc::clone(&record), record.is_home()),
                Visit::Back => {
                    self.trail.pop();
                    continue;
                }
            };
            if over || !self.seen.insert(record.id.0) {
                continue;
            }
            self.trail.push(Arc::clone(&record));
            let waits_for_caller = record.os_thread() == self.me || self.owed.contains(&record.id.0);
            if waits_for_caller || self.is_told_after_caller(&record) {
                return true;
            }
            list.push(Visit::Back);
            let blocked = self.table.waits_of(&record).map(|blocked| blocked.on.clone());
            let opened = record.opened().into_iter().map(Target::Scope);
            blocked.chain(opened).for_each(|next| list.extend(behind(&next)));
        }
        false
    }

    fn is_told_after_caller(&self, service: &Arc<Record>) -> bool {
        let driven = self.driven.as_ref();
        let by_caller = driven.is_some_and(|core| service.core.ancestors().any(|c| Arc::ptr_eq(c, core)));
        !by_caller && is_untold_service_of_caller(service)
    }
}

/// Who must end before `target` does.
fn behind(target: &Target) -> Vec<Visit> {
    match target {
        Target::Thread(record) => vec![Visit::End(Arc::clone(record))],
        Target::Scope(core) => threads_of(core).into_iter().map(Visit::Home).collect(),
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
    if !service.ends_only_when_told() || service.node.is_stopping() {
        return false;
    }
    let made_later = |id: u64| id > service.id.0;
    current::records().iter().any(|own| {
        let mut record = Some(Arc::clone(own));
        while let Some(step) = record {
            if step.role == Role::Guest {
                return false;
            }
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
