//! Owns the handle of a thread: the claim on its result, and the ways to wait for it.
//! Refuses to be needed: if the handle is dropped or leaked, the thread comes home all the same.

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::outcome::errors::failure::JoinError;
use crate::outcome::reason::StopReason;
use crate::outcome::status::id::ThreadId;
use crate::rt::packet::Claim;
use crate::rt::time::after;
use crate::thread::blocking::until_done;
use crate::thread::context::Context;
use crate::thread::failpoint;
use crate::thread::stopper::{At, OnStop, Stopper};
use crate::tree::deadlock::Joining;
use crate::tree::record::Record;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::tree::{current, results};

/// A thread that was spawned. Dropping a handle does not detach the thread: the scope joins it.
///
/// A handle need not be used: `scope.spawn(..)?;` leaves the join, and a failure, to the scope.
///
/// ```
/// homebound::scope(|scope| {
///     let sum = scope.spawn("sum", "adds two numbers", |_| Ok(1 + 2))?;
///     println!("{} runs", sum.path());
///     assert_eq!(sum.join()?, 3);
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
pub struct Handle<'scope, T> {
    record: Arc<Record>,
    claim: Arc<dyn Claim<T> + 'scope>,
    joined: bool,
}

impl<'scope, T> Handle<'scope, T> {
    pub(crate) fn new(record: Arc<Record>, claim: Arc<dyn Claim<T> + 'scope>) -> Self {
        Handle { record, claim, joined: false }
    }

    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.record
    }
}

impl<T> Handle<'_, T> {
    /// Blocks until the thread has ended, and returns what its closure returned. A stop of the
    /// caller does not end this wait; the thread, being in the same tree, is usually told by the
    /// same stop.
    ///
    /// ```
    /// use homebound::JoinError;
    ///
    /// homebound::scope(|scope| {
    ///     let good = scope.spawn("good", "counts", |_| Ok(7))?;
    ///     assert_eq!(good.join()?, 7);
    ///     let bad = scope.thread("bad", "fails").isolated().spawn(|_| -> homebound::Result {
    ///         Err("out of paper")?
    ///     })?;
    ///     assert!(matches!(bad.join(), Err(JoinError::Failed(_))));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`JoinError::Failed`] if the thread failed, [`JoinError::Stopped`] if it ended because it
    /// was told to stop, [`JoinError::WouldDeadlock`] if it cannot end before the caller does. A
    /// scope that is over has dropped the value of its thread, so a later join is `Stopped`.
    #[track_caller]
    #[must_use = "dropped, it takes the thread's failure or its stop along: pass it on with `?`; to leave both to the scope, drop the handle"]
    pub fn join(mut self) -> Result<T, JoinError> {
        self.point(Location::caller());
        if !self.record.done.is_set() {
            let _wait = WaitMark::on("join", Location::caller(), Of::Thread(Arc::clone(&self.record)));
            // After the mark, so that a join which closes a cycle with this one finds both in its
            // search (W2).
            let joining = Joining::begin(&self.record)?;
            if !until_done(&self.record, None, &|| joining.is_given_up()) {
                return Err(joining.refusal());
            }
        }
        self.collect()
    }

    /// As [`join`](Self::join), but gives the handle back after `timeout`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let worker = scope.spawn("worker", "waits", |cx| Ok(cx.wait_for_stop()))?;
    ///     let worker = worker.join_timeout(Duration::from_millis(1)).expect_err("it waits");
    ///     worker.stop();
    ///     worker.join()?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// The handle, if the thread has not ended by then.
    #[track_caller]
    #[must_use = "it holds what the thread returned, or the handle"]
    pub fn join_timeout(self, timeout: Duration) -> Result<Result<T, JoinError>, Self> {
        self.join_until(|| after(Instant::now(), timeout), Location::caller())
    }

    /// As [`join`](Self::join), but gives the handle back at `deadline`.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// homebound::scope(|scope| {
    ///     let deadline = Instant::now() + Duration::from_secs(60); // for all of them together
    ///     for name in ["a", "b"] {
    ///         let worker = scope.spawn(name, "ends by itself", |_| Ok(()))?;
    ///         worker.join_deadline(deadline).expect("a minute is enough")?;
    ///     }
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// The handle, if the thread has not ended by then.
    #[track_caller]
    #[must_use = "it holds what the thread returned, or the handle"]
    pub fn join_deadline(self, deadline: Instant) -> Result<Result<T, JoinError>, Self> {
        self.join_until(|| deadline, Location::caller())
    }

    /// `end` is called only if there is something to wait for, because it reads the clock.
    fn join_until(
        mut self,
        end: impl FnOnce() -> Instant,
        caller: &'static Location<'static>,
    ) -> Result<Result<T, JoinError>, Self> {
        self.point(caller);
        if !self.record.done.is_set() {
            let _wait = WaitMark::on("join", caller, Of::Thread(Arc::clone(&self.record)));
            // The time-out ends the wait, so no search for a cycle is needed.
            if !until_done(&self.record, Some(end()), &|| false) {
                return Err(self);
            }
        }
        Ok(self.collect())
    }

    /// Returns what the closure returned, if the thread has ended; `None` before that, and when the
    /// result has been taken. Never blocks.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let mut answer = scope.spawn("thinker", "thinks", |_| Ok(42))?;
    ///     let (ended, tell) = homebound::channel::bounded(1);
    ///     let _guard = answer.on_done(move || ended.send("thinker").expect("it is listened to"));
    ///     // The loop of a window would be woken here instead.
    ///     scope.context().recv(&tell)?;
    ///     assert_eq!(answer.try_join().expect("it has ended")?, 42);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`join`](Self::join), but for a cycle.
    #[must_use = "it takes what the thread returned"]
    pub fn try_join(&mut self) -> Option<Result<T, JoinError>> {
        // `done` is set when the result is in its slot, so the take below does not wait.
        let ready = !self.joined && self.record.done.is_set();
        ready.then(|| self.collect())
    }

    /// A point at which a test may have planted a panic or a stop, for the thread that joins.
    fn point(&self, at: &'static Location<'static>) {
        if self.record.node.is_probed() {
            current::record().iter().for_each(|joiner| failpoint::visit(joiner, "join", at));
        }
    }

    fn collect(&mut self) -> Result<T, JoinError> {
        // First: from here on the result belongs to this call, and the drop leaves it alone.
        self.joined = true;
        results::join(&self.record, &*self.claim)
    }

    /// Returns a receiver that is disconnected when the thread has ended: for a `select!` over
    /// many.
    ///
    /// ```
    /// use crossbeam_channel::select;
    ///
    /// homebound::scope(|scope| {
    ///     let fetch = scope.spawn("fetch", "fetches a page", |_| Ok("a page"))?;
    ///     let clock = scope.service("clock", "ticks", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     select! {
    ///         recv(fetch.done()) -> _ => println!("the page: {}", fetch.join()?),
    ///         recv(clock.done()) -> _ => println!("no clock any more"),
    ///     }
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn done(&self) -> &Receiver<Infallible> {
        self.record.done.signal()
    }

    /// Returns true once the thread has ended: its result, captures and callbacks are dropped or
    /// handed over.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let worker = scope.spawn("worker", "ends at once", |_| Ok(()))?;
    ///     let _disconnected = worker.done().recv();
    ///     assert!(worker.is_finished());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn is_finished(&self) -> bool {
        self.record.done.is_set()
    }

    /// Tells this thread to stop, and all that runs below it. Does not wait.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let player = scope.spawn("player", "plays one piece", |cx| Ok(cx.wait_for_stop()))?;
    ///     player.stop();
    ///     assert!(player.join()?.to_string().starts_with("requested at "));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn stop(&self) {
        self.record.node.stop(StopReason::Requested { at: Location::caller() });
    }

    /// Returns a [`Stopper`] of this thread: it may be cloned, and outlives the handle.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let player = scope.spawn("player", "plays one piece", |cx| Ok(cx.wait_for_stop()))?;
    ///     let button = player.stopper();
    ///     button.stop_because("the button was pressed");
    ///     assert_eq!(player.join()?.to_string(), "the button was pressed");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn stopper(&self) -> Stopper {
        Stopper::of_thread(&self.record)
    }

    /// Runs `f` when the thread has ended, on that thread, or at once if it has ended already.
    /// [`try_join`](Self::try_join) has a result then. The scope waits for `f`, so `f` should do no
    /// more than wake the thread that takes the result.
    ///
    /// When the guard drops, `f` is forgotten; if `f` is running on another thread, the drop waits
    /// for its end. A panic in `f` is contained, and is a failure of the scope.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let (wake, woken) = homebound::channel::bounded(1);
    ///     let worker = scope.spawn("worker", "works", |_| Ok(1))?;
    ///     let _guard = worker.on_done(move || wake.send("worker is home").expect("it listens"));
    ///     assert_eq!(woken.recv()?, "worker is home");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn on_done(&self, f: impl FnOnce() + Send + 'static) -> OnStop {
        let context = Context::of(&self.record);
        let registered = context.callback(At::Done(Arc::clone(&self.record)), context.callback_task(f));
        registered.enter();
        OnStop { registered }
    }

    /// Returns the thread's id, which is never used twice in a process.
    pub fn id(&self) -> ThreadId {
        self.record.id
    }

    /// Returns the thread's name.
    pub fn name(&self) -> &str {
        &self.record.label.name
    }

    /// Returns the names of the scopes around the thread, and its own: `/studio/gui/thumbs`.
    ///
    /// ```
    /// homebound::scope_named("studio", |scope| {
    ///     let thumbs = scope.spawn("thumbs", "makes small pictures", |_| Ok(()))?;
    ///     assert_eq!(thumbs.path(), "/studio/thumbs");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn path(&self) -> &str {
        self.record.path()
    }
}

impl<T> Drop for Handle<'_, T> {
    fn drop(&mut self) {
        // The result of a thread that still runs goes to its scope, by the state machine of
        // `result_state`.
        if !self.joined {
            results::drop_unjoined(&self.record, &*self.claim);
        }
    }
}

impl<T> fmt::Debug for Handle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("path", &self.path())
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
