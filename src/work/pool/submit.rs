//! Owns the way of a job into the queue: the wait for a place, and the start of a thread for it.
//! Refuses to decide whether there is a place: the line does.

use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, bounded};

use super::handle::Pool;
use super::parts::{Pushed, Refusal};
use super::shared::{Item, Waker};
use crate::rt::spin::{A_WAKE_UP, spin_until};
use crate::shutdown::long_wait::For;
use crate::sys;
use crate::thread::blocking;
use crate::tree::current;
use crate::tree::pool_facts::PoolFacts;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::{Context, Result, SpawnError, SubmitError, WaitError};

type Line<'scope> = super::line::Line<Item<'scope>, Waker>;

impl<'scope> Pool<'scope> {
    pub(super) fn facts(&self) -> &PoolFacts {
        self.shared.facts()
    }

    /// Puts a job into the queue, now or not at all. Returns its number. `woken`: the caller has
    /// waited for a place.
    #[inline]
    pub(super) fn push(&self, item: Item<'scope>, woken: bool) -> Result<u64, (Item<'scope>, SubmitError)> {
        // A pool that was told takes no job, also before one of its threads has heard the stop and
        // moved the line out of its open phase.
        if self.shared.core().node.is_marked() {
            return Err((item, self.shared.over()));
        }
        match self.shared.line.push(item, woken, sys::coarse()) {
            Ok(Pushed { number, start: None }) => Ok(number),
            Ok(Pushed { number, start: Some(seat) }) => self.start(number, seat),
            Err((item, refusal)) => Err((item, self.error(refusal))),
        }
    }

    #[cold]
    fn error(&self, refusal: Refusal) -> SubmitError {
        match refusal {
            Refusal::Full => SubmitError::Full,
            Refusal::Closed => SubmitError::Closed,
            Refusal::Told | Refusal::UsersDone => self.shared.over(),
        }
    }

    /// Starts the thread that the job needs. If the OS refuses it, the pool goes on with the
    /// threads that it has. If it has none, the job is taken back.
    #[cold]
    fn start(&self, number: u64, seat: usize) -> Result<u64, (Item<'scope>, SubmitError)> {
        // With no lock held: the job is in the queue already, and a thread that gets free may take
        // it before the new thread is there.
        let Err(refusal) = self.shared.start(seat) else { return Ok(number) };
        let mut own = None;
        let mut others = Vec::new();
        // Not empty only if the pool has no thread at all. Then all jobs come out of the queue,
        // because no thread would ever take them: the jobs of other callers fail, and the own job
        // goes back to this caller.
        for queued in self.shared.line.not_started(seat) {
            if queued.number == number { own = Some(queued.job) } else { others.push(queued) }
        }
        self.shared.fail_all(others, &refusal);
        let Some(item) = own else { return Ok(number) };
        // Taken out, a job counts as running until it is over. The own job does not end, because
        // its caller gets it back.
        self.shared.line.hand_back();
        Err((
            item,
            match refusal {
                SpawnError::Stopped(stopped) => SubmitError::Stopped(stopped),
                refusal => SubmitError::Spawn(refusal),
            },
        ))
    }

    /// Puts a job into the queue. Waits for a place, until `end` at most. `call` names the point at
    /// which a test may have planted something.
    #[inline]
    pub(super) fn place(
        &self,
        call: &'static str,
        cx: &Context,
        item: Item<'scope>,
        end: Option<Instant>,
        caller: &'static Location<'static>,
    ) -> Result<u64, SubmitError> {
        cx.point(call, caller);
        // Before the queue is looked at, because a context that was told to stop submits nothing
        // (S1), even if there is a place.
        if cx.node().is_stopping() {
            return Err(SubmitError::Stopped(cx.stopped()));
        }
        match self.push(item, false) {
            Ok(number) => Ok(number),
            Err((item, SubmitError::Full)) => self.place_later(cx, item, end, caller),
            Err((_, error)) => Err(error),
        }
    }

    #[cold]
    fn place_later(
        &self,
        cx: &Context,
        mut item: Item<'scope>,
        end: Option<Instant>,
        caller: &'static Location<'static>,
    ) -> Result<u64, SubmitError> {
        // The place that the caller would wait for may be its own: it gets free only when a job
        // ends, and the job around the caller is one of them (PO7).
        if self.shared.is_inside() {
            return Err(SubmitError::WouldDeadlock { cycle: self.cycle() });
        }
        // True if the line has woken this caller for a place. The line counts such a caller as
        // coming, until the caller takes the place, or says that it does not.
        let mut woken = false;
        loop {
            if !woken {
                // Places are often free within microseconds. For many at once, because a caller
                // that takes each place as it comes meets the threads at the lock for every job.
                spin_until(A_WAKE_UP, || self.facts().may_have_room());
            }
            item = match self.push(item, woken) {
                Err((item, SubmitError::Full)) => item,
                Err((_, error)) => return Err(error),
                Ok(number) => return Ok(number),
            };
            let waits = |line: &Line<'scope>, waker| line.wait(waker, woken);
            // Full again, so to sleep. A caller that was woken and found the place taken goes to
            // the front of the list, so that the order of the callers stays.
            woken = self.wait("a place in", cx, end, caller, waits)?;
        }
    }

    /// Enters the caller into a list of the line, and blocks until it is woken (true). `false` if
    /// it need not wait. Pairs with the drop of the waker by the line.
    pub(super) fn wait(
        &self,
        what: &'static str,
        cx: &Context,
        end: Option<Instant>,
        caller: &'static Location<'static>,
        enter: impl FnOnce(&Line<'scope>, Waker) -> Option<u64>,
    ) -> Result<bool, SubmitError> {
        // Nothing is ever sent: the drop of the waker disconnects the channel, which wakes the
        // caller. So a waker that is dropped on any way wakes.
        let (waker, woken): (Waker, Receiver<_>) = bounded(0);
        let Some(key) = enter(&self.shared.line, waker) else { return Ok(false) };
        let core = self.shared.core();
        let _mark = WaitMark::on(what, caller, Of::Scope(Arc::clone(core)));
        match blocking::receive(For::Scope(core), cx.node(), end, &woken) {
            Ok(_disconnected) => Ok(true),
            Err(why) => {
                // The caller may have been woken in the same instant. Then `forget` passes the
                // wake-up on to the next caller, so that the place is not lost.
                self.shared.line.forget(key);
                Err(match why {
                    WaitError::Stopped(stopped) => SubmitError::Stopped(stopped),
                    WaitError::TimedOut | WaitError::Disconnected => SubmitError::Full,
                })
            }
        }
    }

    /// The paths of a caller that would wait for its own pool.
    pub(super) fn cycle(&self) -> Vec<String> {
        let caller = current::record().map(|record| record.origin().path);
        caller.into_iter().chain([self.shared.core().path().to_owned()]).collect()
    }
}
