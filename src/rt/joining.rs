//! Owns the end of the OS threads of one root: how they leave, and that each of them is joined by
//! the OS.
//! Refuses to start threads and to give them routines: `thread_cache` does.
//!
//! A thread that leaves joins some that have left before it, so no thread is needed just to reap.
//! Once the root is about to end, threads leave their handles behind, and the thread that ends the
//! root joins them.
//!
//! ```text
//! working, or claimed by itself --retire--> retired --leave--> left --join--> joined
//! ```

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::event_count::EventCount;
use super::os_thread::{Order, OsThread, own_number};
use super::spin::{A_WAKE_UP, spin_until};
use super::thread_cache::{Retired, ThreadCache};
use crate::sync::join;

/// `leave` wakes the thread that waits for the end once per this many threads, because a wake-up
/// for each of thousands would dominate the shutdown.
const BATCH: usize = 16;
/// The number of retired threads that a retiring thread looks at. More than the one that it adds,
/// so that the queue gets shorter.
const LOOKED_AT: usize = 4;

impl ThreadCache {
    /// Sends the calling thread home: puts its handle into the queue of retired threads, and joins
    /// some others that are on their last lines. `counted`: the thread is in the count `leaving`
    /// already.
    pub(super) fn retire(&self, os_thread: &Arc<OsThread>, counted: bool) {
        if !counted {
            self.leaving.fetch_add(1, Ordering::Relaxed);
        }
        // The heir takes the handle out of the `OsThread`, and is live itself until it has joined
        // this thread. If there is no heir yet, `disinherit` or the end of the root finds the
        // handle.
        if os_thread.is_bequeathed() {
            self.leave();
            return;
        }
        // The root is about to end, and the thread that ends it finds the handle in the `OsThread`.
        // `set_retired` comes before `leave`, because `close` stops waiting when the last thread
        // has left.
        if self.may_be_left() {
            os_thread.set_retired();
            self.leave();
            return;
        }
        // Before the push, so that the calling thread does not find itself.
        let over = self.take_over();
        self.retired.push(Retired { handle: os_thread.take_handle(), os_thread: Arc::clone(os_thread) });
        for retired in over {
            // The main function of that thread is over. If a destructor of its thread-locals hangs,
            // the calling thread hangs in the join, so the dump says for whom.
            os_thread.title().set_joins(Some(retired.os_thread.name().clone()));
            self.join(retired);
        }
        os_thread.title().set_joins(None);
        // Last: the handle is in the queue, or in a join that has returned, before the count goes
        // down.
        self.leave();
    }

    /// Joins a thread that was bequeathed to the calling thread. Blocks until the destructors of
    /// its thread-locals have run.
    pub(crate) fn join_bequeathed(&self, os_thread: &Arc<OsThread>) {
        // Without a look before the sleep: on a busy machine the dying thread needs the core.
        join(os_thread.take_handle(), |_| false);
        self.set_joined(os_thread);
    }

    /// No heir will come for this thread: it is joined as any other is. Does not block for long.
    pub(crate) fn disinherit(&self, os_thread: &Arc<OsThread>) {
        self.retired.push(Retired { handle: os_thread.take_handle(), os_thread: Arc::clone(os_thread) });
    }

    /// Joins the threads that have left their handles in their `OsThread`, up to the first that has
    /// not. Called by the thread that waits for the end of the root, while the others end. One
    /// thread at a time does so, because the allocator of stacks has one lock.
    pub(crate) fn reap(&self) {
        let mut last = self.last.lock();
        let own = own_number();
        // A thread never joins itself.
        let can_be_joined = |os_thread: &Arc<OsThread>| {
            os_thread.is_bequeathed() || (os_thread.has_retired() && os_thread.number() != own)
        };
        while last.front().is_some_and(can_be_joined) {
            let Some(os_thread) = last.pop_front() else { break };
            // Its heir joins it.
            if os_thread.is_bequeathed() {
                continue;
            }
            self.join(Retired { handle: os_thread.take_handle(), os_thread });
        }
    }

    /// Notified when there is something to reap, and when no thread is live.
    pub(crate) fn changes(&self) -> &EventCount {
        &self.changes
    }

    /// True for as many threads as `drain` has allowed: the caller may leave its handle behind.
    fn may_be_left(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        // The load alone is enough while the root lives. `Relaxed`, because the number is only a
        // budget: it guards no other data.
        self.deferred_joins.load(Ordering::Relaxed) > 0
            && self.deferred_joins.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// Looks at a few retired threads, and takes out those that have left their main function. The
    /// others go to the end of the queue.
    fn take_over(&self) -> Vec<Retired> {
        let mut over = Vec::new();
        for _ in 0..self.retired.len().min(LOOKED_AT) {
            match self.retired.pop() {
                Some(retired) if retired.handle.is_finished() => over.push(retired),
                Some(retired) => self.retired.push(retired),
                None => break,
            }
        }
        over
    }

    fn join(&self, retired: Retired) {
        let Retired { handle, os_thread } = retired;
        if os_thread.number() == own_number() {
            // The caller is the last thread out. A thread cannot join itself, so it is detached.
            drop(handle);
        } else {
            // Nothing can unwind here: a routine contains its panics, and a panic in the destructor
            // of a thread-local aborts.
            join(handle, |has_ended| spin_until(A_WAKE_UP, has_ended));
        }
        self.set_joined(&os_thread);
    }

    fn set_joined(&self, os_thread: &OsThread) {
        // Only now: `has_caller` is true, and views show the thread, until it is joined.
        self.leaving.fetch_sub(1, Ordering::Relaxed);
        self.state.lock().os_threads.remove(os_thread.number());
    }

    /// Counts a thread out: the calling thread, or one that the OS refused to start. SeqCst also
    /// publishes what the thread left in the queue or in its `OsThread`: a thread that reads the
    /// lower count finds the handle there.
    pub(super) fn leave(&self) {
        let left = self.live.fetch_sub(1, Ordering::SeqCst) - 1;
        // 0 is a multiple, too. Pairs with `close`, and with the wait for the end of the root.
        if left % BATCH == 0 {
            self.changes.notify();
        }
        // Pairs with `abandon`: both change first and look second, in one total order, so that at
        // least one of the two sees what the other did.
        if left == 0 && self.abandoned.load(Ordering::SeqCst) {
            self.join_rest_once();
        }
    }

    /// Called in place of `close` by one of these threads. Another of them may be joining the
    /// caller, so the caller must not wait for the others. The last of them to leave joins them,
    /// and is itself joined by no thread. Does not sleep. Pairs with `leave`.
    pub(crate) fn abandon(&self) {
        self.drain();
        self.abandoned.store(true, Ordering::SeqCst);
        // Pairs with `leave`. The caller may have left before, and be in its last destructors, so
        // it may itself be the last one.
        if self.is_empty() {
            self.join_rest_once();
        }
    }

    /// `leave` and `abandon` may both find that it is due. The swap lets one of them do it.
    fn join_rest_once(&self) {
        if self.abandoned.swap(false, Ordering::SeqCst) {
            self.join_rest();
        }
    }

    /// The root is about to end. From now on no thread becomes idle: the idle ones are sent away,
    /// and a thread that ends its routine leaves.
    pub(crate) fn drain(&self) {
        let mut state = self.state.lock();
        // Open -> closing, once, under the lock that `keep_warm` looks under: a thread is either in
        // `idle` below, or finds the cache closing.
        if !std::mem::replace(&mut state.closing, true) {
            self.deferred_joins.store(self.live.load(Ordering::Relaxed), Ordering::Relaxed);
            // Here `last` is locked under `state`, in `reap` it is the other way round. This is no
            // deadlock, because `reap` locks `state` only if `last` has an entry, and the first
            // entries come here, once.
            *self.last.lock() = state.os_threads.values().cloned().collect();
        }
        let idle = state.idle.take_all();
        drop(state);
        // `take_all` has claimed them.
        self.leaving.fetch_add(idle.len(), Ordering::Relaxed);
        idle.into_iter().for_each(|os_thread| os_thread.give(Order::Retire { counted: true }));
    }

    /// Blocks until every thread has been joined by the OS, thread-local destructors included.
    /// Pairs with `leave`.
    ///
    /// A thread puts its handle into the queue, or leaves it in its `OsThread`, before it counts
    /// itself out; and a thread that takes a handle out joins by it before it counts itself out. So
    /// when no thread is live, each has been joined, or is found by `join_rest`.
    pub(crate) fn close(&self) {
        self.drain();
        // Most often the last thread is on its last lines, and is gone sooner than this thread
        // could fall asleep and be woken.
        spin_until(A_WAKE_UP, || self.is_empty());
        loop {
            // Before the look at the count: a thread that leaves after it ends the wait at once.
            let seen = self.changes.epoch();
            if self.is_empty() {
                break;
            }
            self.changes.wait(seen, None);
        }
        self.join_rest();
    }

    /// Joins all threads that are left. No thread is live, so each handle is in the queue or in its
    /// `OsThread`.
    fn join_rest(&self) {
        while let Some(retired) = self.retired.pop() {
            self.join(retired);
        }
        self.reap();
        // These were started after `drain` had made the list for `reap`.
        let left: Vec<_> = self.state.lock().os_threads.values().cloned().collect();
        for os_thread in left {
            self.join(Retired { handle: os_thread.take_handle(), os_thread });
        }
    }

    /// True if no thread is live. Acquires what each of them left behind. SeqCst for the pair
    /// `abandon` / `leave`.
    fn is_empty(&self) -> bool {
        self.live.load(Ordering::SeqCst) == 0
    }
}
