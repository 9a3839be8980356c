//! Owns the calls by which the end of a job, or of a thread that fails, comes to the line.
//! Refuses to change the numbers: `state::ended` does.

use std::collections::VecDeque;

use super::Line;
use crate::sync::AtomicBool;
use crate::sys;
use crate::work::pool::parts::{Ending, Queued};

impl<J, W> Line<J, W> {
    /// The OS has refused the thread that `push` or `resize` wanted. Returns all jobs if there is
    /// no thread at all, because none would run them.
    pub(crate) fn not_started(&self, seat: usize) -> VecDeque<Queued<J>> {
        let mut state = self.lock_all();
        let left = state.not_started(seat, sys::coarse());
        self.settle_all(state);
        left
    }

    /// A thread ends by a panic of ours. Returns the seat of a thread that has to be started in its
    /// place.
    pub(crate) fn lost(&self, seat: usize, busy: bool) -> Option<usize> {
        let mut state = self.lock_all();
        let start = state.lost(seat, busy, sys::coarse());
        self.settle_all(state);
        start
    }

    /// Called by a thread of the pool when a job that is waited for has ended: the thread is idle,
    /// and `over` is set, in one hold of the lock. So a caller that sees the end finds the thread
    /// idle. `telling`: the end is told to callbacks next, and the pool is not idle until `told`.
    pub(crate) fn finish(&self, ending: Ending, over: Option<&AtomicBool>, telling: bool) {
        let mut state = self.lock();
        state.finish(ending, telling);
        let all = ending != Ending::Done;
        self.settle_with(state, if all { sys::coarse() } else { 0 }, all, over);
    }

    /// As `finish`, for a job that was taken out by `remove` or `not_started`, or that is dropped.
    /// Then no thread becomes idle by its end.
    pub(crate) fn over(&self, ending: Ending, over: Option<&AtomicBool>, telling: bool) {
        let mut state = self.lock();
        state.over(ending, telling);
        self.settle_with(state, sys::coarse(), true, over);
    }

    /// A job that was taken out by `remove` or `not_started` goes back to the code that brought it,
    /// and is not counted.
    pub(crate) fn hand_back(&self) {
        let mut state = self.lock();
        state.hand_back();
        self.settle_all(state);
    }

    /// The end of a job has been told.
    pub(crate) fn told(&self) {
        let mut state = self.lock();
        state.told();
        self.settle_all(state);
    }
}
