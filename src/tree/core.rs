//! Owns a scope or group behind its public face: its place in the tree, the admission and counting
//! out of its threads, and the wake-up of its drivers.
//! Refuses to decide what happens next (`shutdown::order` does), and to start threads.
//!
//! Other methods of `ScopeCore`: what a failure does is in `propagate`, the lock of the lists in
//! `state_lock`, the steps of a shutdown in `shutdown::order`.
//!
//! A *driver* waits for the scope and takes its steps: the exit path, a `shutdown` call, *stopper*.
//!
//! Locks: a scope's state is locked before a node, and never while another scope's is locked.

use std::panic::Location;
use std::sync::{Arc, Weak, atomic::Ordering};
use std::time::Instant;

use crate::outcome::errors::error::SpawnError;
use crate::outcome::status::snapshot::Role;
use crate::rt::awake;
use crate::rt::contain::log_contained;
use crate::rt::event_count::EventCount;
use crate::rt::index::Index;
use crate::rt::shown::shown;
use crate::rt::time::after;
use crate::stop::calls::{Calls, Owner};
use crate::stop::node::{Link, Node};
use crate::sync::{AtomicBool, OnceCell};
use crate::tree::pool_facts::PoolFacts;
use crate::tree::record::{Record, next_thread_id};
use crate::tree::root::Root;
use crate::tree::services::Served;
use crate::tree::state::{Entry, Phase, State};
use crate::tree::state_lock::StateLock;
use crate::tree::text::Text;

pub(crate) struct ScopeCore {
    pub(crate) id: u64,
    pub(crate) name: Text,
    pub(crate) kind: Kind,
    pub(crate) at: &'static Location<'static>,
    pub(crate) opened_at: Instant,
    pub(crate) root: Arc<Root>,
    /// The scope or group around it, fixed when it is opened: `None` for a root.
    pub(crate) parent: Option<Arc<ScopeCore>>,
    /// The thread whose body opened it: `None` for a root and a group.
    pub(crate) opener: Option<Arc<Record>>,
    /// The thread that runs the body: the opener, or a thread of another scope or root.
    pub(crate) runner: Option<Arc<Record>>,
    pub(crate) node: Arc<Node>,
    pub(crate) path: OnceCell<Arc<str>>,
    /// Number of scopes around it.
    pub(crate) depth: usize,
    pub(crate) state_lock: StateLock,
    /// Notified of each change that a driver must look at. A root uses its cache's instead.
    changes: EventCount,
    /// Set once by *stopper* when it becomes a driver, so that each change is dispatched to it.
    driven: AtomicBool,
    /// Set once, when the shutdown begins. Read by ending threads of this scope and of the scopes
    /// inside it, without a lock.
    tallied: AtomicBool,
    /// Set once, for a group that no value owns. Written and read by `shutdown::left`.
    pub(crate) closes_itself: AtomicBool,
    /// Set by `wake_drivers`, cleared by the next driver that looks. Ends the walk outwards early.
    touched: AtomicBool,
    /// When the body returned, on the clock of `awake`; `Some(None)` if no stop had come until
    /// then. Set once, by the exit path; read by reports, which take no lock for it.
    pub(crate) body_ended: OnceCell<Option<Instant>>,
    /// For the group of a pool: its gate and its numbers. Set once, before a thread is in it.
    pub(crate) pool: OnceCell<Arc<PoolFacts>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Has a body, on the stack of the thread that opened it.
    Scope,
    /// Owned by a value, and a service of the scope that it is in.
    Group,
}

/// The fields of a scope that its opener chooses.
pub(crate) struct Opening {
    pub(crate) name: Text,
    pub(crate) kind: Kind,
    pub(crate) at: &'static Location<'static>,
    pub(crate) root: Arc<Root>,
    pub(crate) parent: Option<Arc<ScopeCore>>,
    pub(crate) opener: Option<Arc<Record>>,
    pub(crate) runner: Option<Arc<Record>>,
}

impl ScopeCore {
    pub(crate) fn new(opening: Opening) -> Arc<ScopeCore> {
        let Opening { name, kind, at, root, parent, opener, runner } = opening;
        let depth = parent.as_ref().map_or(0, |parent| parent.depth + 1);
        let core = Arc::new_cyclic(|core: &Weak<ScopeCore>| ScopeCore {
            id: next_thread_id(),
            name,
            kind,
            at,
            opened_at: Instant::now(),
            root,
            parent,
            opener,
            runner,
            node: Node::owned(Link::Scope, Weak::<ScopeCore>::clone(core)),
            path: OnceCell::new(),
            depth,
            state_lock: StateLock::new(State::new(kind == Kind::Group)),
            changes: EventCount::default(),
            driven: AtomicBool::new(false),
            tallied: AtomicBool::new(false),
            closes_itself: AtomicBool::new(false),
            touched: AtomicBool::new(false),
            body_ended: OnceCell::new(),
            pool: OnceCell::new(),
        });
        if let Some(parent) = &core.parent {
            // From here on a walk over the tree finds the scope, so the scope is complete.
            parent.lock().scopes.insert(core.id, Arc::downgrade(&core));
        }
        if let Some(runner) = &core.runner {
            // So that a stop of the runner's scope wakes the drivers of this one (`marked`).
            runner.core.lock().followers.insert(core.id, Arc::downgrade(&core));
        }
        core
    }

    /// True for a group that is a root.
    pub(crate) fn is_owned(&self) -> bool {
        self.parent.is_none() && self.kind == Kind::Group
    }

    /// Drops what a scope that is over keeps for views and reports: these records hold the scope. A
    /// registry calls it when it has put the process back, so that its root stays in sight.
    pub(crate) fn vacate(&self) {
        let mut state = self.lock();
        let counted = (state.tally.take(), std::mem::take(&mut state.recent));
        let gone = (state.body.take(), std::mem::take(&mut state.internal), counted);
        drop(state);
        drop(gone);
    }

    /// The refusal of a spawn if there is a reason for one. Asked under the lock that admits, so
    /// that no spawn slips past a stop (S11) or past the end of the last worker (E1).
    pub(crate) fn refusal(&self, state: &State) -> Option<SpawnError> {
        // If the node was not asked to stop, its cause is the end of its users.
        let refuses = self.node.is_stopping() || state.phase > Phase::Open;
        refuses.then(|| SpawnError::Stopped(self.node.stopped()))
    }

    /// Admits a thread, and forgets the entries of ended threads whose handles are gone.
    pub(crate) fn admit(&self, entry: Entry) -> Result<(), SpawnError> {
        let mut state = self.lock();
        if let Some(refusal) = self.refusal(&state) {
            return Err(refusal);
        }
        let record = &entry.record;
        if record.role == Role::Service {
            // A service is told after the users (E1), so a stop does not walk down to it.
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

    /// Removes a thread that the OS refused, as if it had never been admitted.
    pub(crate) fn dismiss(&self, record: &Arc<Record>) {
        let mut state = self.lock();
        let entry = state.entries.remove(record.id.0);
        state.leave(record);
        drop(state);
        self.wake_drivers();
        // Last: the entry drops the closure, whose captures are the program's and may panic.
        drop(entry);
    }

    /// Counts the ending thread out: its last use of the scope. Its entry stays until the joiner or
    /// the next spawn removes it (E6).
    pub(crate) fn count_out(self: &Arc<Self>, record: &Arc<Record>) {
        // Read without a lock, because most often no shutdown has begun.
        let in_a_stop = self.is_reported();
        if self.state_lock.count_out_or_defer(self, record, in_a_stop) {
            self.spread();
        }
    }

    /// True if a thread that ends now is to be counted for a report of this scope or of one around
    /// it. A thread that ends because of a stop has read the flag of that stop, which is set after
    /// `begin`, so the thread finds this true.
    pub(crate) fn is_reported(self: &Arc<Self>) -> bool {
        // Pairs with `begin_shutdown`.
        self.ancestors().any(|core| core.tallied.load(Ordering::Acquire))
    }

    /// Wakes the drivers of this scope and, if it is a group, of the scopes around it. The walk
    /// ends at a scope that was touched and not looked at since, because its drivers are awake
    /// already: so ten thousand groups in groups do not walk all the way out.
    pub(crate) fn wake_drivers(&self) {
        let mut core = Some(self);
        while let Some(this) = core {
            this.driver_events().notify();
            if this.driven.load(Ordering::SeqCst) {
                this.root.wake_stopper();
            }
            // Pairs with `look_at`: the next look will see the change that precedes this swap.
            if this.touched.swap(true, Ordering::SeqCst) {
                return;
            }
            core = this.parent.as_deref().filter(|_| this.kind == Kind::Group);
        }
    }

    /// Called by a driver before it reads the state for a step. Pairs with `wake_drivers`: a change
    /// that is made after this wakes the scopes around again.
    pub(crate) fn look_at(&self) {
        self.touched.swap(false, Ordering::SeqCst);
    }

    /// Makes *stopper* a driver: from now on it is sent each change.
    pub(crate) fn set_driven(&self) {
        self.driven.store(true, Ordering::SeqCst);
        // Pairs with `wake_drivers`: if that missed the flag, its notification precedes this load,
        // and so does its change, which the caller will see.
        self.changes();
    }

    /// The epoch, to be read before the state is; see `sleep`.
    pub(crate) fn changes(&self) -> u32 {
        self.driver_events().epoch()
    }

    /// A root waits for its OS threads too, so both kinds of change notify its cache's event count.
    fn driver_events(&self) -> &EventCount {
        if self.parent.is_none() { self.root.cache.changes() } else { &self.changes }
    }

    /// Spins for a moment, in case a change after epoch `seen` is near.
    pub(crate) fn look_out(&self, seen: u32) {
        self.driver_events().spin(seen);
    }

    /// Blocks until a change after epoch `seen`, or until `until`. Pairs with `wake_drivers`.
    pub(crate) fn sleep(&self, seen: u32, until: Option<Instant>) {
        self.driver_events().wait(seen, until);
    }

    /// False if the root is about to end, so that an ending thread need not stay warm.
    pub(crate) fn may_spawn_again(self: &Arc<Self>) -> bool {
        let Some(root) = &self.root.core() else { return true };
        if root.node.is_stopping() {
            return false;
        }
        let state = root.lock();
        let last = Arc::ptr_eq(root, self) && state.workers <= 1;
        !(state.body_home && last)
    }

    /// For `drop`: the scopes that this scope keeps alive: its parent, and the scopes of its
    /// threads.
    fn take_around(&mut self) -> Vec<Arc<ScopeCore>> {
        let records = [self.opener.take(), self.runner.take()].into_iter().flatten();
        let cores = records.filter_map(Arc::into_inner).map(|record| record.core);
        self.parent.take().into_iter().chain(cores).collect()
    }

    fn followers(&self) -> Vec<Arc<ScopeCore>> {
        self.lock().followers.values().filter_map(Weak::upgrade).collect()
    }

    /// Starts clock and tally, the tally first: a thread that ends from now on is counted.
    pub(crate) fn begin_shutdown(&self, state: &mut State, at: Instant) {
        state.tally.get_or_insert_default();
        // Under the lock: a thread that finds this true finds the tally. Pairs with `is_reported`.
        self.tallied.store(true, Ordering::Release);
        // Only a root and a group have a grace of their own. Any other scope has to be home when
        // the thread that runs its body is due (`outer_due`, E3).
        let grace = (self.parent.is_none() || self.kind == Kind::Group).then_some(self.root.grace);
        let served = !state.services.is_empty();
        state.clock.begin(at, grace, served);
        self.clock_moved(state);
    }

    /// Passes the clock of a root to the registry, under the lock, so that the last value set is
    /// the last one passed.
    pub(crate) fn clock_moved(&self, state: &State) {
        if self.parent.is_none() {
            self.root.clock_moved(&state.clock);
        }
    }
}

impl Owner for ScopeCore {
    fn announced(&self) {
        if self.parent.is_none() && self.root.is_registry() {
            // The end of the grace if nothing of the stop gets any further (A2).
            self.root.stop_announced(after(awake::now(), self.root.grace), false);
        }
    }

    fn begin(&self, at: Instant) {
        if self.parent.is_none() {
            // The root is about to end, so no OS thread need stay warm.
            self.root.cache.drain();
        }
        let mut state = self.lock();
        self.begin_shutdown(&mut state, at);
    }

    /// The stop has reached this scope: wakes its drivers.
    fn marked(&self, told: &mut Index<()>, _calls: &mut Calls) {
        let mut followers = self.followers();
        // Pairs with `Tokens::take`: idle threads of a pool see that they are marked.
        self.pool.get().into_iter().for_each(|pool| pool.told());
        self.wake_drivers();
        // Followers that were stopped before have a new deadline now. All clocks that this stop
        // starts have begun, so each follower looks once, however many scopes around it are
        // stopped.
        while let Some(core) = followers.pop() {
            if told.add(core.id) {
                followers.extend(core.followers());
                core.wake_drivers();
            }
        }
    }

    fn log(&self) {
        let reason = self.node.reason();
        log_contained(
            || tracing::info!(target: "homebound::stop", scope = &*shown(self.path()), %reason, "stopping"),
        );
    }
}

impl Drop for ScopeCore {
    /// Frees a chain of scopes with its last member. Iterative: depth costs no stack.
    fn drop(&mut self) {
        let mut list = self.take_around();
        while let Some(core) = list.pop() {
            if let Some(mut core) = Arc::into_inner(core) {
                list.extend(core.take_around());
            }
        }
    }
}
