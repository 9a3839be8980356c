//! Owns the end of a group that no value owns and whose threads have all come home by themselves:
//! also of the group of a pool that is closed.
//! Refuses to wait for a thread: a group that has one left stays as it is.
//!
//! Each thread of such a group looks when it has been counted out, so the last of them finds the
//! group empty. Under the lock under which it finds that, it closes the group to new threads; then
//! it settles the group, as `close` does for a group that a value owns.
//!
//! The scope around may end at the same time. Its exit path settles all groups that it still has,
//! and waits for another thread that settles one of them (*two threads may come to settle*, in
//! `settle`). So nothing that the threads of the group borrowed is dropped after that scope.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::shutdown::settle::settle;
use crate::tree::core::ScopeCore;
use crate::tree::state::Phase;

/// For a new group that no value owns.
pub(crate) fn close_itself(group: &ScopeCore) {
    // Relaxed, because the group has no thread yet, and its spawns order this before their threads.
    group.closes_itself.store(true, Ordering::Relaxed);
}

/// To be called by a thread that has been counted out of `core`, with no lock held.
pub(crate) fn settle_if_empty(core: &Arc<ScopeCore>) {
    let mut next = Some(core);
    while let Some(core) = next.filter(|core| core.closes_itself.load(Ordering::Relaxed)) {
        let mut state = core.lock();
        if state.workers > 0 || !state.services.is_empty() || state.phase != Phase::Open {
            return;
        }
        // Open to finishing: from here on the group admits nothing.
        state.phase = Phase::Finishing;
        drop(state);
        // If another thread settles it, or the exit path of the scope around has to, that one takes
        // it out of the list.
        let Some(parent) = core.parent.as_ref().filter(|_| settle(core)) else { return };
        let left = parent.lock().services.remove(core.id);
        drop(left);
        parent.wake_drivers();
        // The scope around may be such a group, and empty now.
        next = Some(parent);
    }
}

/// The most pools that the opening of another one looks at: all pools of nearly every scope; in a
/// scope with thousands of open pools, a part of them in turn.
const LOOKED_AT: usize = 64;

/// Settles the groups of pools that are closed and whose threads are home, so that a scope which
/// opens one pool after the other keeps a flat memory (P9).
pub(crate) fn put_away_pools(parent: &Arc<ScopeCore>) {
    let mut state = parent.lock();
    let (first, count) = (state.next_pool, state.pools.len().min(LOOKED_AT));
    let mut closed = Vec::new();
    for core in state.pools.values_from(first).chain(state.pools.values()).take(count) {
        if core.pool.get().is_some_and(|pool| pool.is_closed()) {
            closed.push(Arc::clone(core));
        }
    }
    let last = state.pools.values_from(first).chain(state.pools.values()).take(count).last();
    state.next_pool = last.map_or(0, |last| last.id + 1);
    drop(state);
    for core in closed {
        let home = core.lock().workers == 0;
        let left = if home && settle(&core) { Some(parent.lock().services.remove(core.id)) } else { None };
        drop(left);
    }
}
