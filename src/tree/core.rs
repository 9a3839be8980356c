//! Owns what a scope or group is behind its public face: who is in it, what it was asked, what failed.
//! Refuses to decide what happens next (`shutdown::order` plans that) and to start threads (`thread` does).
//!
//! Locks: a scope's `state` is taken before a node's lock, never after it, and never while another scope's is held.

use std::collections::HashSet;
use std::panic::Location;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::outcome::error::SpawnError;
use crate::outcome::status::Role;
use crate::rt::awake;
use crate::rt::contain;
use crate::rt::event_count::EventCount;
use crate::rt::shown::shown;
use crate::rt::time::after;
use crate::stop::node::{Link, Node, Owner};
use crate::sync::{AtomicBool, OnceCell};
use crate::tree::record::{Record, Text, next_thread_id};
use crate::tree::root::{Root, WorkItem};
use crate::tree::services::Served;
use crate::tree::state::{Entry, Phase, State};
use crate::tree::state_lock::StateLock;

pub(crate) struct ScopeCore {
    pub(crate) id: u64,
    pub(crate) name: Text,
    pub(crate) kind: Kind,
    pub(crate) at: &'static Location<'static>,
    pub(crate) opened_at: Instant,
    pub(crate) root: Arc<Root>,
    /// The scope it is in: `None` for a root.
    pub(crate) parent: Option<Arc<ScopeCore>>,
    /// The thread whose body opened it: `None` for a root and a group.
    pub(crate) opener: Option<Arc<Record>>,
    /// The thread that runs its body: the opener, or one from elsewhere in the tree, or of another.
    pub(crate) runner: Option<Arc<Record>>,
    pub(crate) node: Arc<Node>,
    pub(crate) path: OnceCell<Arc<str>>,
    /// How many scopes are around it.
    pub(crate) depth: usize,
    pub(crate) state_lock: StateLock,
    /// Told of all that a driver must look at; a root uses its cache's.
    changes: EventCount,
    /// The stopper drives it as well, and wants to know of changes.
    driven: AtomicBool,
    /// Somebody has said that there is a change, and no driver has looked since.
    touched: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Has a body, on somebody's stack.
    Scope,
    /// Owned by a value; a service of the scope it is in.
    Group,
}

/// What a scope is made of.
pub(crate) struct Opening {
    pub(crate) name: Text,
    pub(crate) kind: Kind,
    pub(crate) at: &'static Location<'static>,
    pub(crate) root: Arc<Root>,
    pub(crate) parent: Option<Arc<ScopeCore>>,
    pub(crate) opener: Option<Arc<Record>>,
    /// The thread that runs its body: the opener, or one from elsewhere in the tree, or of another.
    pub(crate) runner: Option<Arc<Record>>,
}

impl ScopeCore {
    pub(crate) fn new(opening: Opening) -> Arc<ScopeCore> {
        let Opening { name, kind, at, root, parent, opener, runner } = opening;
        let depth = parent.as_ref().map_or(0, |parent| parent.depth + 1);
        let core = Arc::new(ScopeCore {
            id: next_thread_id(),
            name,
            kind,
            at,
            opened_at: Instant::now(),
            root,
            parent,
            opener,
            runner,
            node: Node::new(Link::Scope),
            path: OnceCell::new(),
            depth,
            state_lock: StateLock::new(State::new(kind == Kind::Group)),
            changes: EventCount::default(),
            driven: AtomicBool::new(false),
            touched: AtomicBool::new(false),
        });
        core.node.set_owner(Arc::downgrade(&core) as Weak<dyn Owner>);
        if let Some(parent) = &core.parent {
            parent.lock().scopes.insert(core.id, Arc::downgrade(&core));
        }
        if let Some(runner) = &core.runner {
            runner.core.lock().followers.insert(core.id, Arc::downgrade(&core));
        }
        core
    }

    /// True for the group that is a root.
    pub(crate) fn is_owned(&self) -> bool {
        self.parent.is_none() && self.kind == Kind::Group
    }

    /// It is over for views as well: what it keeps for them refers back to it.
    pub(crate) fn vacate(&self) {
        let mut state = self.lock();
        let gone = (state.body.take(), std::mem::take(&mut state.internal), state.tally.take());
        drop(state);
        drop(gone);
    }

    /// Itself and all scopes around it, the innermost first.
    pub(crate) fn ancestors(self: &Arc<Self>) -> impl Iterator<Item = &Arc<ScopeCore>> {
        std::iter::successors(Some(self), |core| core.parent.as_ref())
    }

    /// Why nothing may be spawned now, if so. Under the admission lock: no spawn slips past a stop (S11) or past the
    /// last worker (E1).
    pub(crate) fn refusal(&self, state: &State) -> Option<SpawnError> {
        // A node that was not asked has the end of its users for a cause.
        let refuses = self.node.is_stopping() || state.phase > Phase::Open;
        refuses.then(|| SpawnError::Stopped(self.node.stopped()))
    }

    /// Takes a thread in. What had ended before and belongs to nobody any more is forgotten at this occasion.
    pub(crate) fn admit(&self, entry: Entry) -> Result<(), SpawnError> {
        let mut state = self.lock();
        if let Some(refusal) = self.refusal(&state) {
            return Err(refusal);
        }
        let record = &entry.record;
        if record.role == Role::Service {
            state.services.add(record.id.0, Served::Thread(Arc::clone(record)));
            record.node.set_teller(&self.node);
        } else {
            state.workers += 1;
            record.node.attach(&self.node);
        }
        let gone = state.reap();
        state.entries.insert(record.id.0, entry);
        drop(state);
        drop(gone);
        Ok(())
    }

    /// The OS refused the thread: as if it had never been admitted.
    pub(crate) fn dismiss(&self, record: &Arc<Record>) {
        let mut state = self.lock();
        let entry = state.entries.remove(record.id.0);
        state.leave(record);
        drop(state);
        self.wake_drivers();
        // Last: with it goes the closure, whose captures are the user's and may panic.
        drop(entry);
    }

    /// Called by a dying thread, as the last thing that it does with the scope. Its entry stays: the joiner or the
    /// next spawn removes it (E6).
    pub(crate) fn count_out(self: &Arc<Self>, record: &Arc<Record>) {
        let due = self.outer_dues();
        for (core, due) in self.ancestors().zip(&due).skip(1) {
            core.state_lock.count_out_or_defer(core, record, *due);
        }
        // Last: who sees it counted out here finds it in the books of all scopes around.
        self.state_lock.count_out_or_defer(self, record, due[0]);
    }

    /// Something changed that a driver of this scope, or of the one that a group is in, has to look at. Scopes around one that was
    /// touched before, and not looked at since, have been told: so ten thousand groups in groups do not walk all the way out.
    pub(crate) fn wake_drivers(&self) {
        let mut core = Some(self);
        while let Some(this) = core {
            this.driver_events().notify();
            if this.driven.load(Ordering::SeqCst) {
                this.root.dispatch(WorkItem::LookAgain);
            }
            // Pairs with `look_at`: if nobody has looked since, whoever does sees what was changed before this.
            if this.touched.swap(true, Ordering::SeqCst) {
                return;
            }
            core = this.parent.as_deref().filter(|_| this.kind == Kind::Group);
        }
    }

    /// By who is about to read the state of this scope for a step. Pairs with `wake_drivers`: a change that is made after this is told
    /// to the scopes around.
    pub(crate) fn look_at(&self) {
        self.touched.swap(false, Ordering::SeqCst);
    }

    /// From now on *stopper* is told of changes; those before are seen by whoever looks after this.
    pub(crate) fn set_driven(&self) {
        self.driven.store(true, Ordering::SeqCst);
        // Pairs with `wake_drivers`: if that did not find the flag, its note comes before this, and with it what was changed.
        self.changes();
    }

    /// To be asked before looking; see `sleep`.
    pub(crate) fn changes(&self) -> u32 {
        self.driver_events().epoch()
    }

    /// Who waits for a root also joins its OS threads: one bell for both.
    fn driver_events(&self) -> &EventCount {
        if self.parent.is_none() { self.root.cache.changes() } else { &self.changes }
    }

    /// Stays awake for a moment, in case there is a change that was not `seen`.
    pub(crate) fn look_out(&self, seen: u32) {
        self.driver_events().spin(seen);
    }

    /// Blocks until there is a change that was not `seen`, or until `until`. Pairs with `wake_drivers`.
    pub(crate) fn sleep(&self, seen: u32, until: Option<Instant>) {
        self.driver_events().wait(seen, until);
    }

    /// False if the root is about to end: then a thread that ends need not stay warm.
    pub(crate) fn may_spawn_again(self: &Arc<Self>) -> bool {
        let Some(root) = self.ancestors().last() else { return true };
        if root.node.is_stopping() {
            return false;
        }
        let state = root.lock();
        let last = Arc::ptr_eq(root, self) && state.workers <= 1;
        !(state.body_home && last)
    }

    /// For the one who drops it: the scopes that it holds.
    fn take_around(&mut self) -> Vec<Arc<ScopeCore>> {
        let records = [self.opener.take(), self.runner.take()].into_iter().flatten();
        let cores = records.filter_map(Arc::into_inner).map(|record| record.core);
        self.parent.take().into_iter().chain(cores).collect()
    }

    fn followers(&self) -> Vec<Arc<ScopeCore>> {
        self.lock().followers.values().filter_map(Weak::upgrade).collect()
    }

    /// Starts clock and tally. The tally comes first: who ends from now on is counted.
    pub(crate) fn begin_shutdown(&self, state: &mut State, at: Instant) {
        state.tally.get_or_insert_default();
        let grace = (self.parent.is_none() || self.kind == Kind::Group).then_some(self.root.grace);
        let served = !state.services.is_empty();
        state.clock.begin(at, grace, served);
        self.clock_moved(state);
    }

    /// Tells the registry, if this is its root. Under the lock: of two moments, the last to be set is the last to be told.
    pub(crate) fn clock_moved(&self, state: &State) {
        if self.parent.is_none() {
            self.root.clock_moved(&state.clock);
        }
    }
}

impl Owner for ScopeCore {
    fn announced(&self) {
        if self.parent.is_none() {
            self.root.stop_announced(after(awake::now(), self.root.grace));
        }
    }

    fn begin(&self, at: Instant) {
        if self.parent.is_none() {
            self.root.cache.drain();
        }
        let mut state = self.lock();
        self.begin_shutdown(&mut state, at);
    }

    /// The stop has reached this scope: those who wait in it look again.
    fn marked(&self, told: &mut HashSet<u64>) {
        let mut followers = self.followers();
        self.wake_drivers();
        // Those that were stopped before have a deadline now. All clocks that this stop starts have begun, so to look once is
        // enough, however many of the scopes around are stopped by it.
        while let Some(core) = followers.pop() {
            if told.insert(core.id) {
                followers.extend(core.followers());
                core.wake_drivers();
            }
        }
    }

    fn log(&self) {
        let reason = self.node.reason();
        contain::log_contained(
            || tracing::info!(target: "homebound::stop", scope = &*shown(self.path()), %reason, "stopping"),
        );
    }
}

impl Drop for ScopeCore {
    /// With the last of a chain of scopes goes the chain. Iterative: depth costs no stack.
    fn drop(&mut self) {
        let mut list = self.take_around();
        while let Some(core) = list.pop() {
            if let Some(mut core) = Arc::into_inner(core) {
                list.extend(core.take_around());
            }
        }
    }
}

impl std::fmt::Debug for ScopeCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScopeCore").field("path", &self.path()).finish_non_exhaustive()
    }
}
