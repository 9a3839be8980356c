//! Owns the question whether a wait would be for ever, because the waits of threads, scopes and
//! groups would form a cycle (W2).
//! Refuses to be asked by a wait that does not block, or that has a time-out.
//!
//! One lock, taken before the lock of any scope. There is an edge "A ends only after B" if
//! - A blocks in a join of B, or in the closing of a group that B is in: the table notes these;
//! - A runs the body of a scope that B is in: the search reads these from the tree;
//! - B runs a callback of A, for which A waits at its end: the table notes these when B blocks.

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

// Search and entry are one step: of two waits that close a cycle, the later sees the earlier.
global! {
    static BLOCKED: Mutex<Option<Table>> = Mutex::new(None);
}

per_thread! {
    /// The threads whose callbacks the calling thread is inside of, the innermost last.
    static CALLBACKS_OF: RefCell<Vec<Weak<Record>>> = const { RefCell::new(Vec::new()) };
}

/// The waits that block now.
#[derive(Default)]
struct Table {
    /// By the number of the OS thread that blocks.
    blocked: HashMap<u64, Blocked>,
    /// By the id of a thread whose callback runs: the number of the OS thread that runs it.
    owed: HashMap<u64, u64>,
}

/// What one OS thread blocks on.
struct Blocked {
    on: Target,
    /// Set to wake a join with an error; `None` for a closing, which cannot be woken.
    given_up: Option<Arc<CycleFound>>,
    /// An earlier wait of the same OS thread: a driver runs the program's code, which may wait.
    around: Option<Box<Blocked>>,
}

/// Runs a callback of the thread `record`, which ends only after the callback.
pub(crate) fn as_callback_of(record: Weak<Record>, f: impl FnOnce()) {
    let _gone_in_destructors = CALLBACKS_OF.try_with(|all| all.borrow_mut().push(record));
    let leave = scopeguard::guard((), |()| {
        let popped = CALLBACKS_OF.try_with(|all| all.borrow_mut().pop());
        drop(popped);
    });
    current::as_callback(f);
    drop(leave);
}

/// Ids of the threads that wait for the calling thread, because it runs a callback of theirs. The
/// thread that runs a body waits with the body.
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

/// The thing whose end a wait is for.
#[derive(Clone)]
enum Target {
    Thread(Arc<Record>),
    Scope(Arc<ScopeCore>),
}

/// The way by which a waiting join learns that it closes a cycle.
#[derive(Default)]
struct CycleFound {
    /// Read by the join; set after `cycle` is written, by `Latch::give_up`.
    flag: AtomicBool,
    /// The paths of the threads in the cycle, for the error.
    cycle: Mutex<Vec<String>>,
}

/// While it lives, the table shows that the calling thread blocks in a join. If a wait of another
/// thread would close a cycle with this join, the join gives up.
pub(crate) struct Joining {
    cycle_found: Arc<CycleFound>,
    _waiting: Waiting,
}

impl Joining {
    /// Enters the calling thread, which is about to wait until `target` has ended. Refused if that
    /// would be for ever.
    pub(crate) fn begin(target: &Arc<Record>) -> Result<Joining, JoinError> {
        let cycle_found = Arc::new(CycleFound::default());
        let waiting = Waiting::begin(Blocked {
            on: Target::Thread(Arc::clone(target)),
            given_up: Some(Arc::clone(&cycle_found)),
            around: None,
        });
        let waiting = waiting.map_err(|cycle| JoinError::WouldDeadlock { cycle })?;
        Ok(Joining { cycle_found, _waiting: waiting })
    }

    /// Set by the wait that closes a cycle. Then the join returns [`refusal`](Self::refusal).
    pub(crate) fn given_up(&self) -> &AtomicBool {
        &self.cycle_found.flag
    }

    /// The error with the cycle for which the join gave up.
    pub(crate) fn refusal(self) -> JoinError {
        JoinError::WouldDeadlock { cycle: std::mem::take(&mut *self.cycle_found.cycle.lock()) }
    }
}

/// While it lives, the table shows that the calling thread blocks.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The number of the OS thread that blocks.
    run: u64,
    /// The owed entries that this wait has made, and takes back.
    owed: Vec<u64>,
}

impl Waiting {
    /// For `shutdown` and the closing of a group. If a join is part of the cycle, the join is woken
    /// with the error, and this wait goes on.
    pub(crate) fn on_scope(core: &Arc<ScopeCore>) -> Result<Waiting, Vec<String>> {
        Waiting::begin(Blocked { on: Target::Scope(Arc::clone(core)), given_up: None, around: None })
    }

    /// Enters the wait into the table, unless it closes a cycle in which no join gives up.
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
            // A step of the trail waits for the next one. A join among these waits may be woken.
            let steps = trail.iter().zip(trail.iter().skip(1));
            let mut joins =
                steps.filter_map(|(step, next)| table.waits_of(step).find(|wait| wait.is_join_of(next)));
            // This wait cannot return an error, but the join can. Otherwise this wait is refused.
            match (&blocked.given_up, joins.next()) {
                (None, Some(join)) => join.refuse(cycle),
                _ => return Err(cycle),
            }
        }
        // Nests below an earlier wait of the same OS thread, which `drop` puts back.
        blocked.around = table.blocked.remove(&run).map(Box::new);
        table.blocked.insert(run, blocked);
        // An entry that was there already belongs to an earlier wait of this OS thread.
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
        // Without the lock, because a target may drop the program's values.
        drop(gone);
    }
}

impl Table {
    /// The waits of the OS thread that runs `record`, and of the OS thread that runs a callback of
    /// it, the innermost first.
    fn waits_of(&self, record: &Record) -> impl Iterator<Item = &Blocked> {
        let callback = self.owed.get(&record.id.0).and_then(|run| self.blocked.get(run));
        let innermost = self.blocked.get(&record.os_thread()).into_iter().chain(callback);
        innermost.flat_map(|wait| std::iter::successors(Some(wait), |wait| wait.around.as_deref()))
    }
}

impl Blocked {
    /// True if this wait is a join of `record`, which can be woken.
    fn is_join_of(&self, record: &Record) -> bool {
        matches!(&self.on, Target::Thread(joined) if joined.id == record.id) && self.given_up.is_some()
    }

    /// Wakes the join with the cycle. Pairs with `Latch::wait`.
    fn refuse(&self, cycle: Vec<String>) {
        if let (Target::Thread(target), Some(cycle_found)) = (&self.on, &self.given_up) {
            // The cycle before the flag, because the join reads the cycle when it sees the flag.
            *cycle_found.cycle.lock() = cycle;
            target.done.give_up(&cycle_found.flag);
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

/// One search for the calling thread, from what it is about to wait for.
struct Search<'a> {
    /// The number of the calling OS thread.
    me: u64,
    /// The threads that wait for a callback which the caller runs.
    owed: &'a [u64],
    table: &'a Table,
    /// The scope that the caller shuts down, whose services the caller will tell itself.
    driven: Option<Arc<ScopeCore>>,
    /// Ids of visited threads: each is searched once.
    seen: HashSet<u64>,
    /// The threads from the start to where the search is, each waiting for the next.
    trail: Vec<Arc<Record>>,
}

/// Work of a search: a thread to look at, or the way back from it.
enum Visit {
    /// A join waits for this thread, until it has ended.
    End(Arc<Record>),
    /// The driver of its scope waits for this thread, until it is home: after its callbacks.
    Home(Arc<Record>),
    Back,
}

impl Search<'_> {
    /// True if the end of `target` would wait for the calling thread. Leaves the way to it in
    /// `trail`. Iterative, because chains may be long.
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
            // A thread that is over waits for nothing.
            if over || !self.seen.insert(record.id.0) {
                continue;
            }
            self.trail.push(Arc::clone(&record));
            // The cycle is closed if this thread is the caller, or waits for it.
            let waits_for_caller = record.os_thread() == self.me || self.owed.contains(&record.id.0);
            if waits_for_caller || self.is_told_after_caller(&record) {
                return true;
            }
            // Pushed before the next visits, so that the way back comes after all of them.
            list.push(Visit::Back);
            let blocked = self.table.waits_of(&record).map(|blocked| blocked.on.clone());
            let opened = record.opened().into_iter().map(Target::Scope);
            blocked.chain(opened).for_each(|next| list.extend(behind(&next)));
        }
        false
    }

    /// True if this service is told only after the caller has ended.
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
        Target::Scope(core) => threads_of(core).into_iter().map(Visit::Home).collect(),
    }
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

/// A service that was not told ends after the users of its scope. So if the caller is one of them,
/// or runs below one, the service would wait for the caller.
fn is_untold_service_of_caller(service: &Arc<Record>) -> bool {
    if !service.ends_only_when_told() || service.node.is_stopping() {
        return false;
    }
    // Services are told the youngest first, and ids grow, so the younger one ends first.
    let made_later = |id: u64| id > service.id.0;
    current::records().iter().any(|own| {
        let mut record = Some(Arc::clone(own));
        while let Some(step) = record {
            // Nobody waits for a guest.
            if step.role == Role::Guest {
                return false;
            }
            let mut core = Arc::clone(&step.core);
            if Arc::ptr_eq(&core, &service.core) {
                // A worker or the body is a user of each service; a service, of the older ones.
                return step.role != Role::Service || made_later(step.id.0);
            }
            // A member of a group ends when its group does, which is told by its age as well.
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
