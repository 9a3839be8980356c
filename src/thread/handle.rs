//! Owns what a spawner holds of a thread: the claim on its result, and the ways to wait for it.
//! Refuses to be needed: dropped or leaked, the thread comes home all the same.

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::outcome::failure::JoinError;
use crate::outcome::reason::StopReason;
use crate::outcome::status::ThreadId;
use crate::rt::packet::Claim;
use crate::rt::time::after;
use crate::sync::AtomicBool;
use crate::thread::context::Context;
use crate::thread::failpoint;
use crate::thread::stopper::{At, OnStop, Stopper};
use crate::tree::deadlock::Joining;
use crate::tree::record::{Of, Record};
use crate::tree::wait_mark::WaitMark;
use crate::tree::{current, result_state};

/// A thread that was spawned. Dropping it does not detach the thread: its scope joins it.
///
/// It need not be used: `scope.spawn(..)?;` leaves the joining, and a failure, to the scope.
pub struct Handle<'scope, T> {
    record: Arc<Record>,
    claim: Arc<dyn Claim<T> + 'scope>,
    joined: bool,
}

impl<'scope, T> Handle<'scope, T> {
    pub(crate) fn new(record: Arc<Record>, claim: Arc<dyn Claim<T> + 'scope>) -> Self {
        Handle { record, claim, joined: false }
    }

    #[cfg(unix)]
    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.record
    }
}

impl<T> Handle<'_, T> {
    /// Blocks until the thread has ended, and returns what its closure returned.
    ///
    /// # Errors
    /// [`JoinError::Failed`] if it failed, [`JoinError::Stopped`] if it ended because it was asked to,
    /// [`JoinError::WouldDeadlock`] if it cannot end before the caller does.
    #[track_caller]
    #[must_use = "dropped, it takes the thread's failure or its stop along: pass it on with `?`; to leave both to the scope, drop the handle"]
    pub fn join(mut self) -> Result<T, JoinError> {
        self.point(Location::caller());
        if !self.record.done.is_set() {
            let _wait = WaitMark::on("join", Location::caller(), Of::Thread(Arc::clone(&self.record)));
            let joining = Joining::begin(&self.record)?;
            // Pairs with `come_home`, which sets `done` when the result is in its slot.
            if !self.record.done.wait(None, joining.given_up()) {
                return Err(joining.refusal());
            }
        }
        self.collect()
    }

    /// As [`join`](Self::join), but gives the handle back after `timeout`.
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
    /// # Errors
    /// The handle, if the thread has not ended by then.
    #[track_caller]
    #[must_use = "it holds what the thread returned, or the handle"]
    pub fn join_deadline(self, deadline: Instant) -> Result<Result<T, JoinError>, Self> {
        self.join_until(|| deadline, Location::caller())
    }

    /// `end` is asked only if there is something to wait for.
    fn join_until(
        mut self,
        end: impl FnOnce() -> Instant,
        caller: &'static Location<'static>,
    ) -> Result<Result<T, JoinError>, Self> {
        self.point(caller);
        if !self.record.done.is_set() {
            let _wait = WaitMark::on("join", caller, Of::Thread(Arc::clone(&self.record)));
            if !self.record.done.wait(Some(end()), &AtomicBool::new(false)) {
                return Err(self);
            }
        }
        Ok(self.collect())
    }

    /// What its closure returned, if the thread has ended; `None` before that, and when it has been taken. Never blocks.
    ///
    /// ```
    /// # fn main() -> homebound::Result<(), homebound::ScopeError> {
    /// homebound::scope(|scope| {
    ///     let mut answer = scope.spawn("thinker", "thinks", |_| Ok(42))?;
    ///     let (ended, tell) = homebound::channel::bounded(1);
    ///     let _guard = answer.on_done(move || ended.send("thinker").expect("it is listened to"));
    ///     // The loop of a window would be woken here instead.
    ///     scope.context().recv(&tell)?;
    ///     assert_eq!(answer.try_join().expect("it has ended")?, 42);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`join`](Self::join), but for a cycle.
    #[must_use = "it takes what the thread returned"]
    pub fn try_join(&mut self) -> Option<Result<T, JoinError>> {
        let ready = !self.joined && self.record.done.is_set();
        ready.then(|| self.collect())
    }

    /// Something may be planted here, into the thread that joins.
    fn point(&self, at: &'static Location<'static>) {
        if self.record.node.is_probed() {
            current::record().iter().for_each(|joiner| failpoint::visit(joiner, "join", at));
        }
    }

    fn collect(&mut self) -> Result<T, JoinError> {
        self.joined = true;
        result_state::join(&self.record, &*self.claim)
    }

    /// A receiver that is disconnected when the thread has ended: for a `select!` over many.
    pub fn done(&self) -> &Receiver<Infallible> {
        self.record.done.signal()
    }

    /// True once the thread has ended: result, captures and callbacks are dropped or handed over.
    pub fn is_finished(&self) -> bool {
        self.record.done.is_set()
    }

    /// Asks this thread to stop, and whatever runs below it.
    #[track_caller]
    pub fn stop(&self) {
        self.record.node.stop(StopReason::Requested { at: Location::caller() });
    }

    /// Stops this thread, from anywhere: it may be cloned, and outlives the handle.
    pub fn stopper(&self) -> Stopper {
        Stopper::of_thread(&self.record)
    }

    /// Runs `f` when the thread has ended, on that thread, or at once if it has ended already: [`try_join`](Self::try_join) has a
    /// result then. The scope waits for `f`; so it should do no more than wake whoever is to look.
    ///
    /// Dropping the guard forgets `f`; if it is running on another thread, it waits until that is over. A panic in `f` is
    /// contained, and a failure of the scope.
    pub fn on_done(&self, f: impl FnOnce() + Send + 'static) -> OnStop {
        let context = Context::of(&self.record);
        let registered = context.callback(At::Done(Arc::clone(&self.record)), context.guest(f));
        registered.enter();
        OnStop { registered }
    }

    /// The thread's id.
    pub fn id(&self) -> ThreadId {
        self.record.id
    }

    /// The thread's name.
    pub fn name(&self) -> &str {
        &self.record.label.name
    }

    /// Scopes and name, `/studio/gui/thumbs`.
    pub fn path(&self) -> &str {
        self.record.path()
    }
}

impl<T> Drop for Handle<'_, T> {
    fn drop(&mut self) {
        if !self.joined {
            result_state::drop_unjoined(&self.record, &*self.claim);
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
