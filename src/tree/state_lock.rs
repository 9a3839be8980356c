//! Owns the lock of a scope's state, and the inbox of those who have ended: they are counted out without waiting for it.
//! Refuses to know what the state means. Ten thousand threads may end at once: each leaves a note, and whoever holds the
//! lock enters it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::rt::lazy_queue::LazyQueue;
use crate::sync::{TryMutex, TryMutexGuard, fence};
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::state::{CountedOut, State};

pub(crate) struct StateLock {
    state: TryMutex<State>,
    inbox: LazyQueue<Ended>,
}

/// A thread of this scope, or of one below it, that is not counted yet.
struct Ended {
    record: Arc<Record>,
    /// When the thread that runs the scope's body is due: asked for before, since it takes other scopes' locks.
    outer: Option<Instant>,
}

/// The state, locked, and with all in it that was in the inbox.
pub(crate) struct Locked<'a> {
    // The order of the fields matters: the lock is free when the rest is done.
    state: TryMutexGuard<'a, State>,
    after: After<'a>,
}

/// What is to be done when the lock is free: most of the time there was nothing in the inbox.
struct After<'a> {
    core: &'a ScopeCore,
    entered: Option<Entered>,
}

/// What was taken out of the inbox. Dropped with the lock free: a record may be the last to know of a failure, whose
/// payload is the user's.
#[derive(Default)]
struct Entered {
    ended: Vec<Ended>,
    /// Those whose rows in the report had to go.
    gone: Vec<Arc<Record>>,
    /// Somebody may be waiting for one of them.
    watched: bool,
}

impl ScopeCore {
    pub(crate) fn lock(&self) -> Locked<'_> {
        self.state_lock.locked(self, self.state_lock.state.lock())
    }

    /// Gives up after `limit`: for views and *watch*, which must not wait for long.
    pub(crate) fn lock_within(&self, limit: Duration) -> Option<Locked<'_>> {
        Some(self.state_lock.locked(self, self.state_lock.state.try_lock_for(limit)?))
    }
}

impl StateLock {
    pub(crate) fn new(state: State) -> StateLock {
        StateLock { state: TryMutex::new(state), inbox: LazyQueue::default() }
    }

    #[inline]
    fn locked<'a>(&'a self, core: &'a ScopeCore, mut state: TryMutexGuard<'a, State>) -> Locked<'a> {
        let some = !self.inbox.is_empty();
        let entered = some.then(|| self.enter(core, &mut state));
        Locked { state, after: After { core, entered } }
    }

    /// Counts a thread out, here and now or by whoever holds the lock.
    pub(crate) fn count_out_or_defer(&self, core: &ScopeCore, record: &Arc<Record>, outer: Option<Instant>) {
        let ended = Ended { record: Arc::clone(record), outer };
        match self.state.try_lock() {
            Some(state) => self.locked(core, state).count_out(&ended),
            None => {
                self.inbox.push(ended);
                self.take_in(core);
            }
        }
    }

    /// Enters what is in the inbox, unless somebody holds the lock: then he does so when he unlocks.
    ///
    /// None is left behind. Who hands in looks at the lock after that; who unlocks looks at the inbox after that; and by the
    /// fences at least one of them sees what the other did. Nobody sleeps with the lock half held: there is no condition
    /// variable on it.
    #[inline]
    fn take_in(&self, core: &ScopeCore) {
        while self.has_more() {
            let Some(mut state) = self.state.try_lock() else { return };
            let entered = self.enter(core, &mut state);
            drop(state);
            entered.tell(core);
        }
    }

    #[inline]
    fn has_more(&self) -> bool {
        fence(Ordering::SeqCst);
        !self.inbox.is_empty()
    }

    #[cfg(homebound_loom)]
    pub(crate) fn is_quiet(&self) -> bool {
        self.inbox.is_empty()
    }

    #[cold]
    fn enter(&self, core: &ScopeCore, state: &mut State) -> Entered {
        let mut entered = Entered::default();
        while let Some(ended) = self.inbox.pop() {
            let counted = ended.count_out(core, state);
            entered.watched |= counted.watched;
            entered.gone.extend(counted.gone);
            entered.ended.push(ended);
        }
        entered
    }
}

impl Ended {
    fn count_out(&self, core: &ScopeCore, state: &mut State) -> CountedOut {
        state.count_out(&self.record, self.outer, std::ptr::eq(core, &raw const *self.record.core))
    }
}

impl Locked<'_> {
    fn count_out(&mut self, ended: &Ended) {
        let counted = ended.count_out(self.after.core, &mut self.state);
        let entered = self.after.entered.get_or_insert_default();
        entered.watched |= counted.watched;
        entered.gone.extend(counted.gone);
    }
}

impl Entered {
    fn tell(self, core: &ScopeCore) {
        if self.watched {
            core.wake_drivers();
        }
        drop((self.ended, self.gone));
    }
}

impl Drop for After<'_> {
    fn drop(&mut self) {
        if let Some(entered) = self.entered.take() {
            entered.tell(self.core);
        }
        self.core.state_lock.take_in(self.core);
    }
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

/// How the locks of a walk are taken.
#[derive(Clone, Copy)]
pub(crate) enum Lock {
    Waits,
    /// By *watch*, and for views: each is waited for a moment, all together until then. Scopes whose lock is not had are left out.
    Until(Instant),
}

impl Lock {
    /// For those who must not wait for long.
    pub(crate) fn briefly() -> Lock {
        Lock::Until(Instant::now() + BRIEFLY)
    }

    pub(crate) fn take(self, core: &ScopeCore) -> Option<Locked<'_>> {
        match self {
            Lock::Waits => Some(core.lock()),
            Lock::Until(end) => core.lock_within(end.saturating_duration_since(Instant::now()).min(BUSY)),
        }
    }
}

/// How long one lock is waited for, and all those of a walk.
const BUSY: Duration = Duration::from_millis(100);
const BRIEFLY: Duration = Duration::from_millis(300);
