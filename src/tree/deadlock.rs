//! Owns the question whether a wait would be for ever, because the waits of threads, scopes and
//! groups would form a cycle (W2).
//! Refuses to be asked by a wait that does not block, or that has a time-out.
//!
//! One lock, taken before the lock of any scope. There is an edge "A ends only after B" if
//! - A blocks in a join of B, in a start of B, in a `next` of a set of which B is the last, in a
//!   call of a supervisor that needs B, or in the closing of a group that B is in: the table notes
//!   these. A wait that the end of any one of several threads would end has an edge only if all of
//!   them wait for the caller;
//! - A runs the body of a scope that B is in: the search reads these from the tree;
//! - B runs a callback of A, for which A waits at its end: the table notes these when B blocks.

use std::cell::RefCell;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use crate::outcome::errors::failure::JoinError;
use crate::outcome::status::snapshot::Role;
use crate::rt::index::Index;
use crate::rt::this_thread;
use crate::sync::local::*;
use crate::sync::{AtomicBool, Mutex, global};
use crate::tree::core::ScopeCore;
use crate::tree::current;
use crate::tree::record::Record;

mod search;

use search::Search;

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
    blocked: Index<Blocked>,
    /// By the id of a thread whose callback runs: the number of the OS thread that runs it.
    owed: Index<u64>,
}

/// The wait on which one OS thread blocks.
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

/// A wait of a folder above that needs threads which only that folder knows.
pub(crate) trait Awaited: Send + Sync {
    /// The threads without which the wait does not end, as things are now. Called under the lock of
    /// the table, so it takes no lock under which a wait begins.
    fn needs(&self) -> Vec<Need>;
}

/// What a wait needs of a thread.
pub(crate) enum Need {
    /// Its end, or the end of its present run.
    End(Arc<Record>),
    /// That it is ready.
    Ready(Arc<Record>),
    /// The end of one of these threads, of which there is at least one.
    OneOf(Vec<Arc<Record>>),
}

impl Need {
    fn is_of(&self, record: &Record) -> bool {
        let all = match self {
            Need::End(one) | Need::Ready(one) => std::slice::from_ref(one),
            Need::OneOf(all) => all,
        };
        all.iter().any(|needed| needed.id == record.id)
    }
}

/// The thing that a wait is for: an end, or that a thread is ready.
#[derive(Clone)]
enum Target {
    Thread(Arc<Record>),
    Ready(Arc<Record>),
    Scope(Arc<ScopeCore>),
    /// The end of a thread, which needs other threads.
    ThreadWith(Arc<Record>, Arc<dyn Awaited>),
    Needs(Arc<dyn Awaited>),
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
        Joining::begin_on(Target::Thread(Arc::clone(target)))
    }

    /// As [`begin`](Self::begin), for a thread that ends only after the threads of `needs`.
    pub(crate) fn begin_with(target: &Arc<Record>, needs: Arc<dyn Awaited>) -> Result<Joining, JoinError> {
        Joining::begin_on(Target::ThreadWith(Arc::clone(target), needs))
    }

    fn begin_on(on: Target) -> Result<Joining, JoinError> {
        let cycle_found = Arc::new(CycleFound::default());
        let given_up = Some(Arc::clone(&cycle_found));
        let waiting = Waiting::begin(Blocked { on, given_up, around: None });
        let waiting = waiting.map_err(|cycle| JoinError::WouldDeadlock { cycle })?;
        Ok(Joining { cycle_found, _waiting: waiting })
    }

    /// Set by the wait that closes a cycle. Then the join returns [`refusal`](Self::refusal).
    pub(crate) fn is_given_up(&self) -> bool {
        self.cycle_found.flag.load(Ordering::Acquire)
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

    /// For the wait for the end of the last thread of a set. It gives up for no other wait: a join
    /// that closes a cycle with it is refused.
    pub(crate) fn on_thread(record: &Arc<Record>) -> Result<Waiting, JoinError> {
        let on = Target::Thread(Arc::clone(record));
        let waiting = Waiting::begin(Blocked { on, given_up: None, around: None });
        waiting.map_err(|cycle| JoinError::WouldDeadlock { cycle })
    }

    /// For the wait of a starter until `target` is ready. A join in the cycle is woken with the
    /// error, and the starter waits on. `None` if there is no join in the cycle: the limit of the
    /// start ends this wait.
    pub(crate) fn until_ready(target: &Arc<Record>) -> Option<Waiting> {
        let on = Target::Ready(Arc::clone(target));
        Waiting::begin(Blocked { on, given_up: None, around: None }).ok()
    }

    /// For a wait that has a limit, and needs threads which only its caller knows. A join in the
    /// cycle is woken with the error. An error if there is no join in the cycle.
    pub(crate) fn on_needs(needs: Arc<dyn Awaited>) -> Result<Waiting, Vec<String>> {
        Waiting::begin(Blocked { on: Target::Needs(needs), given_up: None, around: None })
    }

    /// Enters the wait into the table, unless it closes a cycle in which no join gives up.
    fn begin(mut blocked: Blocked) -> Result<Waiting, Vec<String>> {
        let (run, mut owed) = (this_thread::number(), owed_to());
        let mut guard = BLOCKED.lock();
        let table = guard.get_or_insert_default();
        let driven = match &blocked.on {
            Target::Scope(core) => Some(Arc::clone(core)),
            Target::Thread(_) | Target::Ready(_) | Target::ThreadWith(..) | Target::Needs(_) => None,
        };
        let mut search = Search::new(run, &owed, table, driven);
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
        blocked.around = table.blocked.remove(run).map(Box::new);
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
            table.owed.remove(*id);
        }
        let mut gone = table.blocked.remove(self.run);
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
        let callback = self.owed.get(record.id.0).and_then(|run| self.blocked.get(*run));
        let innermost = self.blocked.get(record.os_thread()).into_iter().chain(callback);
        innermost.flat_map(|wait| std::iter::successors(Some(wait), |wait| wait.around.as_deref()))
    }
}

impl Blocked {
    /// True if this wait is a join that can be woken, and waits for `record`.
    fn is_join_of(&self, record: &Record) -> bool {
        let waits_for = match &self.on {
            Target::Thread(joined) => joined.id == record.id,
            Target::ThreadWith(joined, with) => {
                joined.id == record.id || with.needs().iter().any(|need| need.is_of(record))
            }
            Target::Ready(_) | Target::Scope(_) | Target::Needs(_) => false,
        };
        waits_for && self.given_up.is_some()
    }

    /// Wakes the join with the cycle. Pairs with `is_given_up`, and with `Latch::wait`.
    fn refuse(&self, cycle: Vec<String>) {
        let joined = match &self.on {
            Target::Thread(joined) | Target::ThreadWith(joined, _) => Some(joined),
            Target::Ready(_) | Target::Scope(_) | Target::Needs(_) => None,
        };
        if let (Some(target), Some(cycle_found)) = (joined, &self.given_up) {
            // The cycle before the flag, because the join reads the cycle when it sees the flag.
            *cycle_found.cycle.lock() = cycle;
            cycle_found.flag.store(true, Ordering::Release);
            target.done.look_again();
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
