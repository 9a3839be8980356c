//! Owns the lock of a scope's state, and its inbox, through which an ending thread is counted out
//! without waiting for the lock.
//! Refuses to know what the state means.
//!
//! Ten thousand threads may end at once. Each of them that finds the lock taken leaves a note in
//! the inbox, and the holder of the lock enters the note.
//!
//! ```text
//! ending thread   push the note;   fence;   try the lock, enter all notes
//! holder          unlock;          fence;   if there are notes: try the lock, enter all notes
//! ```
//!
//! **No note is lost.** Each side acts first and looks second, with a SeqCst fence between the two
//! (`has_more`). So at least one of them sees what the other did: the ending thread gets the lock,
//! or the holder finds the note.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::rt::lazy_queue::LazyQueue;
use crate::sync::{TryMutex, TryMutexGuard, fence};
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::state::State;

pub(crate) struct StateLock {
    state: TryMutex<State>,
    /// Notes of ending threads that found the lock taken. Pushed without the lock, emptied under
    /// it.
    inbox: LazyQueue<EndNote>,
}

/// A note: this thread of the scope has ended and is not counted yet.
struct EndNote {
    record: Arc<Record>,
    /// True if the thread is to be counted for a report. Found out by the ending thread beforehand.
    in_a_stop: bool,
}

/// The locked state, with all notes of the inbox entered.
pub(crate) struct Locked<'a> {
    // The order of the fields matters: `state` drops first, so `_after` runs with the lock free.
    state: TryMutexGuard<'a, State>,
    _after: After<'a>,
}

/// What its drop does with the lock free: wake the drivers, look into the inbox again.
struct After<'a> {
    core: &'a ScopeCore,
    /// `None` if the inbox was empty, as it nearly always is.
    entered: Option<Box<Emptied>>,
}

/// What was taken out of the inbox. Dropped with the lock free, because a record may hold the last
/// reference to a failure, whose payload is the program's.
#[derive(Default)]
struct Emptied {
    ended: Vec<EndNote>,
    /// True if the drivers may be waiting for one of these threads.
    watched: bool,
}

impl ScopeCore {
    /// Blocks until the lock is free, takes it, and enters the notes of the inbox.
    pub(crate) fn lock(&self) -> Locked<'_> {
        self.state_lock.locked(self, self.state_lock.state.lock())
    }

    /// As `lock`, but gives up after `limit`: for views and *watch*, which must not wait for long.
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
        // Before the caller reads the state: a thread that has left its note counts as counted out.
        let some = !self.inbox.is_empty();
        let entered = some.then(|| Box::new(self.enter(&mut state)));
        Locked { state, _after: After { core, entered } }
    }

    /// Counts a thread out, at once if the lock is free, else by a note for its holder. True if the
    /// calling thread has to spread the recent threads.
    pub(crate) fn count_out_or_defer(&self, core: &ScopeCore, record: &Arc<Record>, in_a_stop: bool) -> bool {
        let Some(state) = self.state.try_lock() else {
            // Taken: leave a note, then look at the lock once more, because the holder may have
            // unlocked before the push. Pairs with the drop of `After`.
            self.inbox.push(EndNote { record: Arc::clone(record), in_a_stop });
            self.take_in(core);
            return false;
        };
        let mut locked = self.locked(core, state);
        let watched = locked.count_out(record, in_a_stop);
        let is_full = locked.recent.is_full();
        drop(locked);
        Emptied { watched, ..Emptied::default() }.tell(core);
        is_full
    }

    /// Enters the notes, if there are any.
    #[inline]
    fn take_in(&self, core: &ScopeCore) {
        if self.has_more() {
            self.take_in_notes(core);
        }
    }

    /// Enters the notes, if the lock is free. If it is taken, its holder will do so after it
    /// unlocks, so nobody waits here. The lock has no condition variable, so no holder ever sleeps
    /// with it released.
    #[cold]
    fn take_in_notes(&self, core: &ScopeCore) {
        while let Some(mut state) = self.state.try_lock() {
            let entered = self.enter(&mut state);
            drop(state);
            entered.tell(core);
            // Notes may have come since `enter` saw the inbox empty, so look again after the
            // unlock.
            if !self.has_more() {
                return;
            }
        }
    }

    /// Looks into the inbox, after this thread has pushed a note or has unlocked.
    #[inline]
    fn has_more(&self) -> bool {
        // Orders the look below after the push or the unlock of this thread. Pairs with the same
        // fence on the other side.
        fence(Ordering::SeqCst);
        !self.inbox.is_empty()
    }

    #[cfg(homebound_loom)]
    pub(crate) fn is_quiet(&self) -> bool {
        self.inbox.is_empty()
    }

    #[cold]
    fn enter(&self, state: &mut State) -> Emptied {
        let mut entered = Emptied::default();
        // Inbox to home: under the lock, so each note is counted once.
        while let Some(ended) = self.inbox.pop() {
            entered.watched |= state.count_out(&ended.record, ended.in_a_stop);
            entered.ended.push(ended);
        }
        entered
    }
}

impl Emptied {
    /// Called with the lock free: wakes the drivers, and drops the records.
    fn tell(self, core: &ScopeCore) {
        // Pairs with `ScopeCore::sleep`: the state changed under the lock before this.
        if self.watched {
            core.wake_drivers();
        }
        drop(self.ended);
    }
}

impl Drop for After<'_> {
    fn drop(&mut self) {
        // The lock is free now, because `Locked::state` has been dropped.
        if let Some(entered) = self.entered.take() {
            entered.tell(self.core);
        }
        // Pairs with `count_out_or_defer`: a note that was pushed while the lock was held is found
        // here.
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

/// How a walk over the tree takes the locks of its scopes.
#[derive(Clone, Copy)]
pub(crate) enum Lock {
    /// Blocks for each.
    Waits,
    /// For *watch* and views: waits up to [`BUSY`] for each lock, and for all of them until this
    /// instant. The walk leaves out a scope whose lock it does not get.
    Until(Instant),
}

impl Lock {
    /// For a walk that must not wait for long: [`BRIEFLY`] in all.
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

/// Longest wait for one lock, and for all locks of one walk. Short, because *watch* and dumps must
/// go on although a holder is stuck; long, compared with what a holder does.
const BUSY: Duration = Duration::from_millis(100);
const BRIEFLY: Duration = Duration::from_millis(300);
