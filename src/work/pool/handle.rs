//! Owns the handle of a pool: what its callers can ask of it.
//! Refuses to wait for a place (`submit`), to queue (`line`) and to run jobs (`worker`).

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::job::Job;
use super::packet::{Head, JobPacket};
use super::shared::{Item, Shared};
use crate::rt::spin::{A_WAKE_UP, spin_until};
use crate::rt::time::after;
use crate::scope::group::{close_group, waits_for_itself};
use crate::stop::relay::Relay;
use crate::thread::context;
use crate::{Context, OfferError, PoolStatus, Result, ScopeError, StopReason, SubmitError};

/// A pool: threads that run jobs, one after the other, from a queue with a bound. From
/// [`Scope::pool`](crate::Scope::pool).
///
/// This is a handle. It may be cloned and sent to any thread, and its drop never blocks. The scope
/// owns the queue and the threads.
///
/// ```
/// homebound::scope_named("album", |scope| {
///     let cx = scope.context();
///     let thumbs = scope.pool("thumbs", "makes small pictures").threads(2).queue(16).start()?;
///
///     // A job with a handle: its result, or its failure, is the handle's.
///     let size = thumbs.submit(cx, |_| Ok("a.png".len()))?;
///     assert_eq!(size.join()?, 5);
///
///     // A job without one, the cheap way: its failure is the scope's.
///     for _ in 0..100 {
///         thumbs.execute(cx, |cx| {
///             cx.checkpoint()?;
///             Ok(())
///         })?;
///     }
///     Ok(()) // waits for all jobs
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
///
/// # Jobs are work
/// A scope whose body returned `Ok` waits for queued and running jobs, as it waits for its workers.
/// Then the threads of the pool are told to stop. When the last handle is gone, no job can come any
/// more: the queue is worked off, and the threads end, without anybody waiting.
///
/// # A stop
/// The pool is a service of its scope: it is told to stop when the body and the workers are home,
/// and after the services that were made later. So make the pool before the services that submit to
/// it. Then its running jobs hear the stop, and its queue is dropped, or drained:
/// [`AtStop`](crate::AtStop). A job that was dropped tells so:
/// [`JoinError::Dropped`](crate::JoinError::Dropped).
///
/// # From a job of the same pool
/// A job may submit to its own pool. A job that would wait for a place in its own queue gets
/// [`SubmitError::WouldDeadlock`]. [`Job::join`] of a job that has not begun runs that job in
/// place. Not covered are a `select!` on [`Job::done`], and two pools that wait for places of each
/// other.
///
/// A pool is invariant in `'scope`: with a shorter lifetime, a function that is lent a pool could
/// submit a job that borrows locals of that function.
///
/// ```compile_fail
/// use homebound::Pool;
/// fn lend(pool: &Pool<'_>) {
///     let local = vec![1];
///     let _ = pool.try_submit(|_| Ok(local.len()));
/// }
/// ```
pub struct Pool<'scope> {
    pub(super) shared: Arc<Shared<'scope>>,
}

impl<'scope> Pool<'scope> {
    pub(super) fn of(shared: Arc<Shared<'scope>>) -> Self {
        Pool { shared }
    }

    /// Submits a job, and returns its handle. Blocks while the queue has no place; a stop of the
    /// caller or of the pool ends that.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("parser", "parses numbers").start()?;
    ///     let good = pool.submit(scope.context(), |_| Ok("12".parse::<u8>()?))?;
    ///     let bad = pool.submit(scope.context(), |_| Ok("twelve".parse::<u8>()?))?;
    ///     assert_eq!(good.join()?, 12);
    ///     assert!(bad.join().is_err()); // the handle has the failure, and the scope goes on
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`SubmitError::Stopped`], [`SubmitError::Closed`]; [`SubmitError::WouldDeadlock`] if the
    /// caller runs inside a job of this pool and the queue is full; [`SubmitError::Spawn`] if the
    /// system refused the only thread. The job is dropped then.
    #[track_caller]
    #[must_use = "an error takes the job along; the handle has the job's result"]
    pub fn submit<T, F>(&self, cx: &Context, f: F) -> Result<Job<'scope, T>, SubmitError>
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        let caller = Location::caller();
        // One allocation for head, closure and result. The queue and the handle share it.
        let packet = JobPacket::new(Head::new(caller, None), f);
        let number =
            self.place("submit", cx, Item::Kept(Arc::<JobPacket<F, T>>::clone(&packet)), None, caller)?;
        Ok(Job::new(&self.shared, packet, number))
    }

    /// As [`submit`](Self::submit), for a job that is worth something only if it begins in time. If
    /// it has not begun within `begin_within`, it is never begun, and its handle says
    /// [`JoinError::Expired`](crate::JoinError::Expired).
    ///
    /// The pool notices that a job is too late when the turn of the job comes, or when the job is
    /// joined.
    ///
    /// ```
    /// use homebound::JoinError;
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let cx = scope.context();
    ///     let pool = scope.pool("answers", "answers requests").threads(1).start()?;
    ///     let slow = pool.submit(cx, |cx| Ok(cx.wait_for_stop()))?;
    ///     let late = pool.submit_within(cx, Duration::from_millis(1), |_| Ok("an answer"))?;
    ///     assert!(matches!(late.join(), Err(JoinError::Expired)));
    ///     slow.stop();
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`submit`](Self::submit), and [`SubmitError::Full`] if there was no place by then.
    #[track_caller]
    #[must_use = "an error takes the job along; the handle has the job's result"]
    pub fn submit_within<T, F>(
        &self,
        cx: &Context,
        begin_within: Duration,
        f: F,
    ) -> Result<Job<'scope, T>, SubmitError>
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        // One instant for both: the wait for a place, and the beginning of the job.
        let (caller, end) = (Location::caller(), after(Instant::now(), begin_within));
        let packet = JobPacket::new(Head::new(caller, Some(end)), f);
        let item = Item::Kept(Arc::<JobPacket<F, T>>::clone(&packet));
        let number = self.place("submit", cx, item, Some(end), caller)?;
        Ok(Job::new(&self.shared, packet, number))
    }

    /// Submits a job if the queue has a place now. Never blocks.
    ///
    /// ```
    /// use homebound::SubmitError;
    ///
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("answers", "answers requests").threads(1).queue(1).start()?;
    ///     let busy = pool.try_submit(|cx| Ok(cx.wait_for_stop()))?;
    ///     let _next = pool.try_submit(|_| Ok(()))?;
    ///     assert!(matches!(pool.try_submit(|_| Ok(())), Err(SubmitError::Full)));
    ///     busy.stop();
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`SubmitError::Full`], and as [`submit`](Self::submit). The job is dropped then:
    /// [`offer`](Self::offer) gives it back.
    #[track_caller]
    #[must_use = "an error takes the job along; the handle has the job's result"]
    pub fn try_submit<T, F>(&self, f: F) -> Result<Job<'scope, T>, SubmitError>
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        self.offer(f).map_err(|refused| refused.cause)
    }

    /// As [`try_submit`](Self::try_submit), and gives a job back that was not taken: to run it
    /// here, to try another pool, or to answer that there is too much to do.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let cx = scope.context();
    ///     let pool = scope.pool("thumbs", "makes small pictures").threads(1).queue(0).start()?;
    ///     for _ in 0..10 {
    ///         if let Err(refused) = pool.offer(|_| Ok(())) {
    ///             (refused.job)(cx)?; // the caller runs it, and is slowed down by that
    ///         }
    ///     }
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// The job, and why it was not taken.
    #[track_caller]
    #[must_use = "an error has the job; the handle has the job's result"]
    pub fn offer<T, F>(&self, f: F) -> Result<Job<'scope, T>, OfferError<F>>
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        let packet = JobPacket::new(Head::new(Location::caller(), None), f);
        match self.push(Item::Kept(Arc::<JobPacket<F, T>>::clone(&packet)), false) {
            Ok(number) => Ok(Job::new(&self.shared, packet, number)),
            Err((item, cause)) => {
                // The queue gives its reference back with the refusal, so after this drop the
                // packet has one owner.
                drop(item);
                match packet.into_closure() {
                    Some(job) => Err(OfferError { job, cause }),
                    None => unreachable!("a job that was not taken has one owner, and its closure"),
                }
            }
        }
    }

    /// Runs a job without a handle: the cheap way. Blocks while the queue has no place, as
    /// [`submit`](Self::submit) does. A failure of the job is the scope's, at once, and stops it
    /// (F1).
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// let count = AtomicU32::new(0);
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("counters", "count").start()?;
    ///     for _ in 0..1_000 {
    ///         pool.execute(scope.context(), |_| {
    ///             count.fetch_add(1, Ordering::Relaxed);
    ///             Ok(())
    ///         })?;
    ///     }
    ///     Ok(())
    /// })?;
    /// assert_eq!(count.into_inner(), 1_000);
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    #[track_caller]
    #[inline]
    #[must_use = "an error takes the job along"]
    pub fn execute<F>(&self, cx: &Context, f: F) -> Result<(), SubmitError>
    where
        F: FnOnce(&Context) -> Result + Send + 'scope,
    {
        let caller = Location::caller();
        // The closure alone: no head, no record, and no result, so nothing is left of the job when
        // it has run.
        self.place("submit", cx, Item::Plain(Box::new(f), caller), None, caller).map(drop)
    }

    /// Blocks until no job is queued and none runs. A stop of the caller ends the wait.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let cx = scope.context();
    ///     let pool = scope.pool("writers", "write files").start()?;
    ///     pool.execute(cx, |_| Ok(()))?;
    ///     pool.wait_idle(cx)?;
    ///     assert_eq!(pool.status().done, 1);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`SubmitError::Stopped`] if the caller is told to stop; [`SubmitError::WouldDeadlock`] if
    /// the caller runs inside a job of this pool.
    #[track_caller]
    #[must_use = "a stop ends it with an error: pass it on with `?`"]
    pub fn wait_idle(&self, cx: &Context) -> Result<(), SubmitError> {
        let caller = Location::caller();
        cx.point("wait_idle", caller);
        // A stop wins over a pool that is idle already, as in every wait (S1).
        if cx.node().is_stopping() {
            return Err(SubmitError::Stopped(cx.stopped()));
        }
        if self.shared.is_inside() {
            // The job around the caller counts as running until the caller returns.
            return Err(SubmitError::WouldDeadlock { cycle: self.cycle() });
        }
        let facts = self.facts();
        // The poll reads copies without the lock, so that it does not slow down the threads at
        // their last jobs. A copy may be old, so an idle pool counts only if the line says so as
        // well, under its lock.
        if spin_until(A_WAKE_UP, || facts.unfinished() == 0) && self.shared.line.is_idle() {
            return Ok(());
        }
        self.wait("the end of all jobs of", cx, None, caller, |line, waker| line.watch(waker)).map(drop)
    }

    /// Sets the number of threads that the pool may have; 0 counts as 1. Never blocks. Running jobs
    /// are not interrupted: threads that are too many end when they have no job.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("thumbs", "makes small pictures").threads(1).start()?;
    ///     pool.resize(4);
    ///     let jobs = [1, 2, 3, 4].map(|_| pool.try_submit(|cx| Ok(cx.wait_for_stop())));
    ///     assert_eq!(pool.status().threads, 4);
    ///     jobs.iter().flatten().for_each(|job| job.stop());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn resize(&self, threads: usize) {
        // The line calls this with its lock free, once per thread that is needed at once.
        self.shared.line.resize(threads, |seat| self.shared.start_or_fail(seat));
    }

    /// Returns the numbers of the pool. The same are in a snapshot and in the dump.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("thumbs", "makes small pictures").start()?;
    ///     pool.submit(scope.context(), |_| Ok(()))?.join()?;
    ///     println!("{}", pool.status()); // 0 queued, 1 done
    ///     assert_eq!(pool.status().failed, 0);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn status(&self) -> PoolStatus {
        self.shared.line.status()
    }

    /// Tells the pool to stop. Never blocks. No more jobs are taken; running jobs hear the stop;
    /// queued jobs are dropped or drained, as the builder was told
    /// ([`at_stop`](crate::PoolBuilder::at_stop)).
    ///
    /// ```
    /// use homebound::SubmitError;
    ///
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("thumbs", "makes small pictures").start()?;
    ///     pool.stop();
    ///     assert!(matches!(pool.try_submit(|_| Ok(())), Err(SubmitError::Stopped(_))));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn stop(&self) {
        // The mark of the group reaches its threads as any stop does; `PoolFacts::told` wakes the
        // idle ones. Each thread says to the line what it has heard (`State::hear`).
        self.shared.core().node.stop(StopReason::Requested { at: Location::caller() });
    }

    /// Takes no more jobs, also from clones of this handle, which get [`SubmitError::Closed`].
    /// Blocks until the queue is worked off and the threads are home, and returns what failed in
    /// the pool. If the caller is told to stop meanwhile, the pool is told as well.
    ///
    /// Failures are returned by the first call only. Jobs with handles can be joined afterwards.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("mails", "sends mails").start()?;
    ///     for _ in 0..10 {
    ///         pool.execute(scope.context(), |_| Ok(()))?;
    ///     }
    ///     pool.close()?; // all ten are sent
    ///     assert_eq!(pool.status().done, 10);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// The failures of jobs without a handle, and of jobs whose handle was dropped; they are
    /// failures of the scope as well. Inside a job of this pool: an error that names the cycle.
    #[track_caller]
    pub fn close(&self) -> Result<(), ScopeError> {
        let (core, caller) = (self.shared.core(), Location::caller());
        self.shared.line.close();
        // After the close of the line, so that clones refuse jobs while this call waits.
        let around = context::current();
        around.iter().for_each(|cx| cx.point("close", caller));
        if self.shared.is_inside() {
            return Err(waits_for_itself(core, self.cycle(), caller));
        }
        match around {
            None => close_group(core, caller),
            Some(cx) => {
                // A stop of the caller does not reach the pool by itself, because the group of the
                // pool is a service, which is told after its users. This caller waits for it, so it
                // is told now.
                let (around, pool) = (Arc::clone(cx.node()), Arc::clone(&core.node));
                let tell = move || pool.mark_for(around.cause().of_parent());
                let _relay = Relay::new(cx.node(), Box::new(tell));
                close_group(core, caller)
            }
        }
    }
}

impl Clone for Pool<'_> {
    fn clone(&self) -> Self {
        // Relaxed: the new handle is made from another handle, so the count is not 0, and no
        // thread acts on a count above 0.
        self.shared.handles.fetch_add(1, Ordering::Relaxed);
        Pool { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Pool<'_> {
    /// The last handle: no job can come any more.
    fn drop(&mut self) {
        // Release and acquire: all that was done through other handles comes before the close. In a
        // forked child the lock of the line may be held by a thread that does not exist there.
        let last = self.shared.handles.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && !self.shared.core().root.is_forked() {
            self.shared.line.close();
        }
    }
}

impl fmt::Debug for Pool<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("path", &self.shared.core().path())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
