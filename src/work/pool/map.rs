//! Owns a map whose workers are threads of a pool: the helpers, the wait for them, and the result.
//! Refuses to take items (the crew of `work::map` does), and to count helpers (`helpers` does).
//!
//! A helper is a job that works for the map until its source is over. Helpers borrow from the frame
//! of `lend`, whose guard takes back those that have not begun, and waits for the others.
//!
//! A caller that runs inside a job of this pool works itself, and helpers come as threads are free.
//! So a map in a job ends however few threads there are.

use std::panic::Location;
use std::sync::Arc;

use super::desk::{KeptLife, Own};
use super::errand::{Errand, Helper};
use super::handle::Pool;
use super::shared::Item;
use crate::outcome::errors::failure::{Origin, ScopeErrorParts};
use crate::outcome::errors::failure_list::Listed;
use crate::rt::contain::{Payload, contain, drop_each};
use crate::rt::erase::Lease;
use crate::rt::packet::{Ran, Task};
use crate::shutdown::long_wait::For;
use crate::thread::blocking;
use crate::thread::context;
use crate::tree::propagate::log;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::work::map::collected::{Values, collect, in_order};
use crate::work::map::crew::{Crew, Names, seat, sleep_for};
use crate::{Context, Failure, Result, ScopeError, ShutdownReport, Stopped, SubmitError};

impl<'scope> Pool<'scope> {
    /// Calls `f` for each item, on the threads of the pool, and returns the results in the order of
    /// the items. The first failure stops the rest. Items, `f` and results may borrow locals of the
    /// caller.
    ///
    /// Each thread works as one job until the source is over, so other jobs wait for it as for any
    /// long job.
    ///
    /// | | |
    /// |---|---|
    /// | threads | as many as the pool may have when the map begins |
    /// | a full queue | the caller waits for a place, once |
    /// | no item | no job |
    /// | from a job of this pool | the caller works as well, and needs no other thread |
    /// | a stop of caller or pool | is heard between two items, and by the waits of `f`'s context |
    /// | the dump | shows the item of each thread: `thumbs-2  job 812  at item 17` |
    ///
    /// The failure of an item is the map's, not the scope's. With
    /// [`AtStop::Drain`](crate::AtStop::Drain) a stop of the pool ends a map that has begun. Not
    /// noticed, and for ever: an `f` that joins the thread that called the map.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("thumbs", "makes small pictures").threads(2).start()?;
    ///     let names = vec!["a.png".to_owned(), "bb.png".to_owned()]; // a local of the body
    ///     let sizes = pool.map(scope.context(), &names, |cx, name| {
    ///         cx.checkpoint()?;
    ///         Ok(name.len())
    ///     })?;
    ///     assert_eq!(sizes, [5, 6]);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// What failed, the first failure first: an `Err` or a panic of `f`, or a panic of the source,
    /// each with the note `item 17` (from 0); or a pool that takes no jobs
    /// ([`SubmitError::Closed`], [`SubmitError::Spawn`]). If nothing failed, and the caller or the
    /// pool is stopped before the last result is there, that stop. The results that are there are
    /// dropped.
    ///
    /// # Blocking
    /// Until every result is there, and no thread works for the map any more.
    ///
    /// # Panics
    /// With the panic of `items.into_iter()`.
    #[track_caller]
    #[must_use = "dropped, it takes the failures or the stop along: pass them on with `?`"]
    pub fn map<I, U, F>(&self, cx: &Context, items: I, f: F) -> Result<Vec<U>, ScopeError>
    where
        I: IntoIterator,
        I::IntoIter: Send,
        I::Item: Send,
        U: Send,
        F: Fn(&Context, I::Item) -> Result<U> + Sync,
    {
        let at = Location::caller();
        let map = Map::new(self, cx, at);
        let (name, purpose) = (self.shared.core().name.clone(), self.shared.purpose().clone());
        let values = Values::default();
        let each = collect(&f, &values);
        let (names, width) = (Names::new(name, purpose, at), self.shared.line.wanted());
        let crew = Crew::new(names, items.into_iter(), width, usize::MAX, each);
        // The first worker: the first helper, or the calling thread.
        // Counted before there is a helper, because `grow` of the first helper counts the next one.
        let _the_first = crew.source.enlist();
        let work = |cx: &Context, send_helper: &dyn Fn() -> bool| {
            let grow = || {
                // Counted first, so that two workers do not both make the last helper that the
                // width allows. A helper that the pool refuses is counted out: a later item asks
                // again.
                if crew.source.enlist().is_some() && !send_helper() {
                    crew.source.dismiss();
                }
            };
            crew.work(cx, &grow)
        };
        // The first item decides whether there is a job at all. If there is none, no place of the
        // queue is waited for.
        let lent = if map.try_first(|cx| crew.take_first(cx)) { map.lend(&work) } else { Ok(()) };
        // No helper is left, so the counts do not change any more.
        let complete = crew.source.total() == Some(values.lock().len());
        // On this thread, which alone has the source and the results now.
        crew.source.clear(|payload| map.note_panic(payload));
        drop(crew);
        if complete && !map.errand.has_failed() {
            return Ok(in_order(values));
        }
        drop_each(in_order(values), |payload| map.note_panic(payload));
        Err(map.error(lent))
    }
}

/// A map while it runs.
struct Map<'a, 'scope> {
    pool: &'a Pool<'scope>,
    /// The context by which it was called.
    cx: &'a Context,
    /// The context of the calling thread. `cx` may be another's.
    own: Context,
    errand: Arc<Errand>,
    /// The calling thread is a thread of the pool, or below a job of it. Then it works itself.
    is_inside: bool,
}

/// The work of a map, as a task that many threads run at once. It holds references only, so there
/// is nothing to clear.
struct SharedWork<F>(F);

impl<F: Fn(&Context) -> Result + Send + Sync> Task<Context> for SharedWork<F> {
    fn run(&self, cx: &Context) -> Ran {
        match contain(|| (self.0)(cx)) {
            Ok(Ok(())) => Ran::Done,
            Ok(Err(error)) => Ran::Failed(error),
            Err(payload) => Ran::Panicked(payload),
        }
    }

    fn clear(&self) -> Option<Payload> {
        None
    }
}

impl<'a, 'scope> Map<'a, 'scope> {
    fn new(pool: &'a Pool<'scope>, cx: &'a Context, at: &'static Location<'static>) -> Self {
        let own = context::current().unwrap_or_else(|| cx.clone());
        let is_inside = pool.shared.is_inside();
        // A caller that works itself is stopped by its own stop as well.
        let errand = Errand::new(at, [Some(cx), Some(&own).filter(|_| is_inside)].into_iter().flatten());
        Map { pool, cx, own, errand, is_inside }
    }

    /// Takes the first item on the calling thread. False if there is none, or if that failed.
    fn try_first(&self, take: impl FnOnce(&Context) -> bool) -> bool {
        let _kept = KeptLife::new(self.own.record());
        let taken = contain(|| take(&self.own));
        taken.unwrap_or_else(|payload| {
            self.errand.fail_panic(&self.own, payload);
            false
        })
    }

    /// Has the work done by helpers, and by the calling thread if it is inside. This function keeps
    /// the promise of the lease: on every way out its guard waits until no helper is left.
    fn lend(&self, work: &(dyn Fn(&Context, &dyn Fn() -> bool) -> Result + Sync)) -> Result<(), SubmitError> {
        // Borrows from this frame. The guard below is made before any helper can run.
        let shared = SharedWork(|cx: &Context| work(cx, &|| self.send_helper()));
        self.errand.lend(Lease::promise().erase(Arc::new(shared)));
        let guard = scopeguard::guard((), |()| self.see_off());
        let done = if self.is_inside {
            self.work_here();
            Ok(())
        } else {
            self.have_it_done()
        };
        // Also on the usual way: returns when no helper uses the work any more.
        drop(guard);
        done
    }

    /// Works on the calling thread until the source is over.
    fn work_here(&self) {
        let _kept = KeptLife::new(self.own.record());
        let cx = Context::inside(self.own.record(), &self.errand.node);
        let job = self.own.record().job();
        // In a job, the views of the thread and `current()` are given the context of the map; on a
        // thread below a job, only `current()`.
        let _entered = match job {
            Some(now) => (Some(Own::enter(now, &cx)), None),
            None => (None, Some(cx.enter())),
        };
        self.errand.work(&cx);
    }

    /// Queues the first helper, which makes others as it finds work for them, and waits until one
    /// of them has gone, or for the stop of the caller. Pairs with `Helpers::leave`.
    fn have_it_done(&self) -> Result<(), SubmitError> {
        let Some(helper) = Helper::new(&self.errand) else { return Ok(()) };
        // May block for a place, as `submit` does. A refusal drops the helper, which counts itself
        // out.
        let number = self.pool.place("map", self.cx, Item::Help(helper), None, self.errand.at)?;
        self.know(number);
        let core = self.pool.shared.core();
        loop {
            let mut wake = None;
            // The first helper that has left found the source over, a failure or a stop, so the map
            // is about to end. The others are waited for in `see_off`.
            if self.errand.helpers.is_one_gone(|| seat(&mut wake)) || self.cx.node().is_stopping() {
                return Ok(());
            }
            wake.iter().for_each(|wake| sleep_for(core, self.cx, wake, ("map", self.errand.at)));
        }
    }

    /// Queues one more helper. False if the pool takes none now.
    fn send_helper(&self) -> bool {
        let Some(helper) = Helper::new(&self.errand) else { return true };
        match self.pool.push(Item::Help(helper), false) {
            Ok(number) => {
                self.know(number);
                true
            }
            Err((item, _)) => {
                if let Item::Help(helper) = item {
                    // It has not worked, so it is no sign that the source is over.
                    helper.refused();
                }
                false
            }
        }
    }

    /// The job of a helper has this number. If the map ends already, it is withdrawn.
    fn know(&self, number: u64) {
        // Counted -> known by its number, or, if the caller sees the helpers off already, to be
        // withdrawn by this thread.
        if !self.errand.helpers.queued(number) {
            self.withdraw(number);
        }
    }

    /// Takes a helper that has not begun out of the queue.
    fn withdraw(&self, number: u64) {
        if let Some(queued) = self.pool.shared.line.remove(number) {
            // `remove` counts the job as running. It was never begun, so it is counted in no total.
            self.pool.shared.line.hand_back();
            drop(queued);
        }
    }

    /// Withdraws the helpers that have not begun, and blocks until the others are gone: a stop has
    /// reached them, if there is one. Then nothing uses the work any more. Pairs with
    /// `Helpers::leave`.
    fn see_off(&self) {
        self.errand.helpers.close().into_iter().for_each(|number| self.withdraw(number));
        let core = self.pool.shared.core();
        loop {
            let mut wake = None;
            if self.errand.helpers.are_all_gone(|| seat(&mut wake)) {
                break;
            }
            let _mark = WaitMark::on("map", self.errand.at, Of::Scope(Arc::clone(core)));
            // The last helper drops the other end.
            wake.iter().for_each(|wake| blocking::until_gone(For::Scope(core), wake));
        }
        // After the last helper has left. Nothing has a reference into the frame of `lend` from
        // here on, so the lease ends.
        self.errand.take_back();
        // If `f` has kept a part of the context, that part is stopped from now on.
        self.errand.node.close();
    }

    fn note_panic(&self, payload: Payload) {
        self.errand.fail_panic(&self.own, payload);
    }

    /// Why there is no result. `lent`: why the pool took no helper.
    fn error(&self, lent: Result<(), SubmitError>) -> ScopeError {
        let Listed { mut failures, first_during_stop, omitted } = self.errand.failures();
        let mut stopped = None;
        match lent {
            _ if !failures.is_empty() => {}
            Ok(()) | Err(SubmitError::Stopped(_)) => stopped = Some(self.stopped()),
            Err(refusal) => {
                let origin = Origin { spawned_from: self.errand.at, ..self.own.record().origin() };
                failures.push(Failure::error(origin, refusal.into(), Vec::new()));
                failures.iter().for_each(log);
            }
        }
        let (path, report) = (self.pool.shared.core().path().to_owned(), ShutdownReport::default());
        ScopeError::new(ScopeErrorParts { path, failures, first_during_stop, omitted, stopped, report })
    }

    /// The stop that has ended the map: the caller's, the stop of a helper, or the pool's.
    fn stopped(&self) -> Stopped {
        let own = || self.errand.stop().map(Stopped::new);
        self.cx.stopped_or_cut_off().or_else(own).unwrap_or_else(|| match self.pool.shared.over() {
            SubmitError::Stopped(stopped) => stopped,
            _ => self.cx.stopped(),
        })
    }
}
