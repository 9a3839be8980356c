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
        let Err(refusal) = self.shared.start(seat) else { return Ok(number) };
        let mut own = None;
        let mut others = Vec::new();
        for queued in self.shared.line.not_started(seat) {
            if queued.number == number { own = Some(queued.job) } else { others.push(queued) }
        }
        self.shared.fail_all(others, &refusal);
        let Some(item) = own else { return Ok(number) };
        self.shared.line.told();
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
        if self.shared.is_inside() {
            return Err(SubmitError::WouldDeadlock { cycle: self.cycle() });
        }
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
        let (waker, woken): (Waker, Receiver<_>) = bounded(0);
        let Some(key) = enter(&self.shared.line, waker) else { return Ok(false) };
        let core = self.shared.core();
        let _mark = WaitMark::on(what, caller, Of::Scope(Arc::clone(core)));
        match blocking::receive(For::Scope(core), cx.node(), end, &woken) {
            Ok(_disconnected) => Ok(true),
            Err(why) => {
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
