//! Owns the handle of a job: the claim on its result, and the ways to stop it and to take its end.
//! Refuses to wait (`wait` does), and to be needed: if the handle is dropped or leaked, the job is
//! run all the same.

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::end::End;
use super::packet::{Awaited, Head};
use super::shared::Shared;
use crate::outcome::reason::Stop;
use crate::rt::time::after;
use crate::thread::context;
use crate::thread::stopper::At;
use crate::tree::propagate::complain;
use crate::tree::record::Record;
use crate::tree::results;
use crate::{Context, JoinError, OnStop, Result, StopReason, Stopper, ThreadId};

mod wait;

/// A job that was submitted to a [`Pool`](crate::Pool), with a claim on its result.
///
/// A handle need not be used. If the handle is not used, the failure of the job is in the result of
/// the scope, and stops nothing: a job with a handle is like an isolated thread. Dropping the
/// handle changes nothing else, and does not stop the job.
///
/// ```
/// homebound::scope(|scope| {
///     let pool = scope.pool("adders", "add numbers").start()?;
///     let sum = pool.submit(scope.context(), |_| Ok(1 + 2))?;
///     assert_eq!(sum.join()?, 3);
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[must_use = "dropping the handle of a job drops its result; for a job without a result use `execute`"]
pub struct Job<'scope, T> {
    shared: Arc<Shared<'scope>>,
    work: Arc<dyn Awaited<T> + 'scope>,
    number: u64,
    /// The result was taken, so the drop has nothing to hand over.
    joined: bool,
}

impl<'scope, T> Job<'scope, T> {
    pub(super) fn new(shared: &Arc<Shared<'scope>>, work: Arc<dyn Awaited<T> + 'scope>, number: u64) -> Self {
        Job { shared: Arc::clone(shared), work, number, joined: false }
    }

    /// Blocks until the job has ended, and returns what its closure returned. If the caller is told
    /// to stop meanwhile, the job is told as well, unless it is queued in a pool that drains.
    ///
    /// Inside a job of the same pool, a job that has not begun is run in place; on a thread of a
    /// scope that a job has opened as well. So a job may wait for a job that it has submitted,
    /// however few threads there are, to a depth of 16.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("sums", "add numbers").threads(1).start()?;
    ///     let inner = pool.clone();
    ///     let sum = pool.submit(scope.context(), move |cx| {
    ///         let part = inner.submit(cx, |_| Ok(1 + 2))?;
    ///         Ok(part.join()? + 3) // runs `part` here
    ///     })?;
    ///     assert_eq!(sum.join()?, 6);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`JoinError::Failed`] if the job failed, [`JoinError::Stopped`] if it ended because it was
    /// told to stop, [`JoinError::Dropped`] and [`JoinError::Expired`] if it was never begun,
    /// [`JoinError::WouldDeadlock`] if it cannot end before the caller does.
    #[track_caller]
    #[must_use = "dropped, it takes the job's failure along: pass it on with `?`; to leave it to the scope, drop the handle"]
    pub fn join(mut self) -> Result<T, JoinError> {
        let caller = Location::caller();
        self.point(caller);
        if !self.head().is_over() {
            self.end_if_due();
            // Before the wait: inside of the pool no other thread may ever come to this job (PO7).
            let _here_or_by_another_thread = self.run_in_place()?;
            if !self.is_near() {
                self.wait(None, caller)?;
            }
        }
        self.collect()
    }

    /// As [`join`](Self::join), but gives the handle back after `timeout`. Runs no job in place.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("slow", "waits").start()?;
    ///     let job = pool.submit(scope.context(), |cx| Ok(cx.wait_for_stop()))?;
    ///     let job = job.join_timeout(Duration::from_millis(1)).expect_err("it waits");
    ///     job.stop();
    ///     let _its_stop_or_its_value = job.join();
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// The handle, if the job has not ended by then.
    #[track_caller]
    #[must_use = "it holds what the job returned, or the handle"]
    pub fn join_timeout(mut self, timeout: Duration) -> Result<Result<T, JoinError>, Self> {
        let caller = Location::caller();
        self.point(caller);
        if !self.head().is_over() {
            let end = after(Instant::now(), timeout);
            self.end_if_due();
            let ended = self.is_near() || matches!(self.wait(Some(end), caller), Ok(true));
            if !ended {
                return Err(self);
            }
        }
        Ok(self.collect())
    }

    /// Returns what the closure returned, if the job has ended; `None` before that, and when the
    /// result has been taken. Never blocks.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("thinkers", "think").start()?;
    ///     let mut answer = pool.submit(scope.context(), |_| Ok(42))?;
    ///     let (ended, tell) = homebound::channel::bounded(1);
    ///     let _guard = answer.on_done(move || ended.send(()).expect("it is listened to"));
    ///     scope.context().recv(&tell)?;
    ///     assert_eq!(answer.try_join().expect("it has ended")?, 42);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`join`](Self::join), but for a cycle.
    #[must_use = "it takes what the job returned"]
    pub fn try_join(&mut self) -> Option<Result<T, JoinError>> {
        // `over`, and not the end in `progress`, which is there a moment earlier: a caller that
        // gets the result finds the job counted and its thread idle.
        let ready = !self.joined && self.head().is_over();
        ready.then(|| self.collect())
    }

    /// Returns a receiver that is disconnected when the job has ended: for a `select!` over many.
    /// Inside a job of the same pool such a wait runs no job in place, and may be for ever.
    ///
    /// ```
    /// use crossbeam_channel::select;
    ///
    /// homebound::scope(|scope| {
    ///     let cx = scope.context();
    ///     let pool = scope.pool("fetchers", "fetch pages").start()?;
    ///     let page = pool.submit(cx, |_| Ok("a page"))?;
    ///     select! {
    ///         recv(page.done()) -> _ => println!("{}", page.join()?),
    ///         recv(cx.stop_signal()) -> _ => println!("no page any more"),
    ///     }
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn done(&self) -> &Receiver<Infallible> {
        self.record().done.signal()
    }

    /// Returns true once the job has ended: its result, captures and callbacks are dropped or
    /// handed over, and its thread is free for the next job.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("adders", "add numbers").start()?;
    ///     let job = pool.submit(scope.context(), |_| Ok(()))?;
    ///     let _disconnected = job.done().recv();
    ///     assert!(job.is_finished());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn is_finished(&self) -> bool {
        self.head().is_over()
    }

    /// Tells this job to stop. Does not wait for it. A job that has not begun is never begun: its
    /// closure is dropped here, and a join returns [`JoinError::Stopped`].
    ///
    /// ```
    /// use homebound::JoinError;
    ///
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("players", "play one piece").threads(1).start()?;
    ///     let (tell, begun) = homebound::channel::bounded(1);
    ///     let first = pool.submit(scope.context(), move |cx| {
    ///         tell.send(())?;
    ///         Ok(cx.wait_for_stop())
    ///     })?;
    ///     scope.context().recv(&begun)?;
    ///     let second = pool.submit(scope.context(), |_| Ok("never played"))?;
    ///     second.stop();
    ///     assert!(matches!(second.join(), Err(JoinError::Stopped(_))));
    ///     first.stop();
    ///     assert!(first.join()?.to_string().starts_with("requested at "));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn stop(&self) {
        self.stop_for(&Stop::new(StopReason::Requested { at: Location::caller() }));
    }

    /// Stops the job, and gives up its result. If it fails all the same, that is logged, and is no
    /// failure of the scope.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("search", "searches one index each").start()?;
    ///     let slow = pool.submit(scope.context(), |cx| Ok(cx.wait_for_stop()))?;
    ///     let fast = pool.submit(scope.context(), |_| Ok("found"))?;
    ///     assert_eq!(fast.join()?, "found");
    ///     slow.cancel(); // nobody asks for it any more
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn cancel(mut self) {
        self.joined = true;
        // The failure is given up before the stop: a job that fails because of this stop finds that
        // no side asks for its failure.
        let failed = self.head().release(true);
        self.stop();
        if let Some(record) = failed {
            // The job has failed before the cancel, so its entry in the tree holds the failure for
            // the scope. The entry goes.
            results::without_handle(&record);
            results::remove_entry(&record);
        }
        self.disown();
    }

    /// Returns a [`Stopper`] of this job: it may be cloned, and outlives the handle. A job that is
    /// stopped by it before it has begun is never begun: that shows when its turn comes, or when it
    /// is joined.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("players", "play one piece").start()?;
    ///     let player = pool.submit(scope.context(), |cx| Ok(cx.wait_for_stop()))?;
    ///     let _begun = scope.context().sleep(std::time::Duration::from_millis(2));
    ///     player.stopper().stop_because("the button was pressed");
    ///     let ended = player.join().map(|reason| reason.to_string());
    ///     println!("{ended:?}");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn stopper(&self) -> Stopper {
        Stopper::of_thread(self.record())
    }

    /// Runs `f` when the job has ended, on its thread, or at once if it has ended already.
    /// [`try_join`](Self::try_join) has a result then. The pool's next job may wait for `f`, so `f`
    /// should do no more than wake the thread that takes the result.
    ///
    /// When the guard drops, `f` is forgotten; if `f` is running on another thread, the drop waits
    /// for its end. A panic in `f` is contained, and is a failure of the scope.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("adders", "add numbers").start()?;
    ///     let (wake, woken) = homebound::channel::bounded(1);
    ///     let job = pool.submit(scope.context(), |_| Ok(1))?;
    ///     let _guard = job.on_done(move || wake.send("the sum is there").expect("it listens"));
    ///     assert_eq!(woken.recv()?, "the sum is there");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn on_done(&self, f: impl FnOnce() + Send + 'static) -> OnStop {
        let record = self.record();
        let context = Context::of(record);
        // `At::Done` runs the callback at once if the job is over. Pairs with `Head::tell`.
        let registered = context.callback(At::Done(Arc::clone(record)), context.callback_task(f));
        registered.enter();
        OnStop { registered }
    }

    /// Returns the job's id, which is never used twice in a process, neither for a thread.
    pub fn id(&self) -> ThreadId {
        self.record().id
    }

    /// Returns the number of the job, which its pool counts from 1: the dump and failures show it.
    pub fn number(&self) -> u64 {
        self.number
    }

    fn head(&self) -> &Head {
        self.work.head()
    }

    /// The record by which this job is waited for.
    fn record(&self) -> &Arc<Record> {
        self.head().record(self.shared.core(), self.number)
    }

    /// A point at which a test may have planted a panic or a stop, for the thread that joins.
    fn point(&self, caller: &'static Location<'static>) {
        if self.shared.core().node.is_probed() {
            context::current().iter().for_each(|cx| cx.point("join", caller));
        }
    }

    /// Takes the job out of the queue, if it is there, and ends it on the calling thread.
    fn end_queued(&self, end: &End) -> bool {
        // Queued -> running. The lock of the line decides between this caller and a thread that
        // takes the job, so exactly one of them ends it.
        let queued = self.shared.line.remove(self.number);
        let found = queued.is_some();
        queued.into_iter().for_each(|queued| self.shared.drop_job(queued, end));
        found
    }

    /// Ends a queued job that is not to be begun any more.
    fn end_if_due(&self) {
        if let Some(end) = self.head().refusal() {
            self.end_queued(&end);
        }
    }

    pub(in crate::work) fn stop_for(&self, stop: &Stop) {
        // Not in the queue: the job runs, is over, or was taken by a thread that has not begun it.
        // `Head::stop` knows which, and keeps a stop for the last case.
        if !self.end_queued(&End::Stopped(stop.clone())) {
            self.head().stop(stop);
        }
    }

    /// True if the job has neither begun nor ended.
    pub(in crate::work) fn is_queued(&self) -> bool {
        self.head().is_queued()
    }

    fn collect(&mut self) -> Result<T, JoinError> {
        // Before the result is taken, so that the drop of this handle hands nothing over once more.
        self.joined = true;
        let claim = self.work.claim();
        match self.head().end() {
            Some(Ok(())) => claim.take().ok_or_else(|| JoinError::Stopped(self.shared.core().node.stopped())),
            // `conclude` has put the failure into the tree, where the end of the scope would find
            // it (P4). `results::join` takes it from there, so that it is the joiner's alone.
            Some(Err(JoinError::Failed(failure))) => match self.head().failed_record() {
                Some(record) => results::join(record, claim),
                None => Err(JoinError::Failed(failure)),
            },
            Some(Err(error)) => Err(error),
            None => Err(JoinError::Stopped(self.shared.core().node.stopped())),
        }
    }

    /// Gives up the value: it is dropped now, or by the thread when it is there.
    fn disown(&self) {
        if let Some(payload) = self.work.claim().disown() {
            let origin = self.shared.origin(self.number, self.head().at);
            complain(self.shared.core(), origin, payload, false);
        }
    }
}

impl<T> Drop for Job<'_, T> {
    fn drop(&mut self) {
        if self.joined {
            return;
        }
        // From here on the scope gets a failure (`Asker::Scope`). A failure that is there already
        // is handed over by this thread, because no other will come.
        match self.head().release(false) {
            Some(record) => results::drop_unjoined(&record, self.work.claim()),
            None => self.disown(),
        }
    }
}

impl<T> fmt::Debug for Job<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("pool", &self.shared.core().path())
            .field("number", &self.number)
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
