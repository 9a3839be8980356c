//! Owns the wait at a condvar of the program, on the types of `parking_lot`: it ends on stop as the
//! other waits do.
//! Refuses to know how a stop reaches the waiter, and when the waiter checks for one
//! (`stop::condvar::waiter`).

use std::panic::Location;
use std::ptr::from_ref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::outcome::errors::error::WaitError;
use crate::outcome::stopped::Stopped;
use crate::rt::contain::Payload;
use crate::rt::erase::Lease;
use crate::rt::packet::{Ran, Task};
use crate::rt::time::after;
use crate::stop::condvar::interrupt::{Effort, Interrupt, Retrier};
use crate::stop::condvar::waiter::{Held, WaitEnd, Waiter, is_stopping};
use crate::sync::locks::assert_none_held;
use crate::thread::context::Context;
use crate::tree::current;
use crate::tree::wait_mark::WaitMark;

/// ## Condition variables (feature `parking_lot`)
impl Context {
    /// Blocks while `condition` holds, as [`Condvar::wait_while`] does, and until the stop. `Ok`
    /// says that the condition is false; it was checked under the mutex. When this returns, the
    /// guard holds the mutex, whatever the result is.
    ///
    /// A stop needs no notification from the program, and the stopping thread may hold the mutex
    /// meanwhile: the waiter returns as soon as it can lock the mutex.
    ///
    /// ```
    /// use std::collections::VecDeque;
    ///
    /// use homebound::{Context, Result, Stopped};
    /// use parking_lot::{Condvar, Mutex};
    ///
    /// #[derive(Default)]
    /// struct Queue {
    ///     jobs: Mutex<VecDeque<u32>>,
    ///     filled: Condvar,
    /// }
    ///
    /// impl Queue {
    ///     fn take(&self, cx: &Context) -> Result<Option<u32>, Stopped> {
    ///         let mut jobs = self.jobs.lock();
    ///         cx.wait_while(&self.filled, &mut jobs, |jobs| jobs.is_empty())?;
    ///         Ok(jobs.pop_front())
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), homebound::ScopeError> {
    /// let queue = Queue::default();
    /// homebound::scope(|scope| {
    ///     let taker = scope.spawn("taker", "takes one job, and waits for a second", |cx| {
    ///         assert_eq!(queue.take(cx)?, Some(7));
    ///         assert!(queue.take(cx).is_err(), "the stop ends it");
    ///         Ok(())
    ///     })?;
    ///     queue.jobs.lock().push_back(7);
    ///     queue.filled.notify_one();
    ///     # homebound::Context::sleep(scope.context(), std::time::Duration::from_millis(20))?;
    ///     taker.stop();
    ///     taker.join()?;
    ///     Ok(())
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Stopped`], at once if the context is stopping already. As in [`recv`](Self::recv) the stop
    /// wins: once the stop has been seen, the condition is not checked, and a job that it would
    /// have found stays for other waiters. A notification that this wait had received by then is
    /// passed on to the next waiter.
    ///
    /// # What others see
    /// The stop notifies *all* waiters of the condvar, so they must check their condition in a
    /// loop, as this wait does. For a moment another thread holds the mutex, so a `try_lock` may
    /// fail.
    ///
    /// This wait may free the mutex and lock it again on its way in (once for each root, if the
    /// root is not the registry's), on its way out after a stop, and at the end of a deadline.
    /// Values that were read before the call must be read again, as with any wait at a condvar. No
    /// callback runs under the mutex because of it.
    ///
    /// # Panics
    /// With the panic of `condition`, the mutex held, as `parking_lot` does. As `parking_lot` does
    /// where the condvar is used with two mutexes at a time.
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn wait_while<T: ?Sized + Send>(
        &self,
        condvar: &Condvar,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> Result<(), Stopped> {
        match self.wait_at(condvar, guard, condition, || None, Location::caller()) {
            WaitEnd::Stopped => Err(self.stopped()),
            WaitEnd::False | WaitEnd::TimedOut => Ok(()),
        }
    }

    /// As [`wait_while`](Self::wait_while), for at most `timeout`; it may take longer to lock the
    /// mutex again.
    ///
    /// ```
    /// use homebound::WaitError;
    /// use parking_lot::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let (ready, changed) = (Mutex::new(false), Condvar::new());
    ///     let (mut guard, limit) = (ready.lock(), Duration::from_millis(1));
    ///     let waited = scope.context().wait_while_timeout(&changed, &mut guard, |is| !*is, limit);
    ///     assert!(matches!(waited, Err(WaitError::TimedOut)));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`WaitError::Stopped`]; [`WaitError::TimedOut`] if the condition still holds then.
    ///
    /// # Panics
    /// As [`wait_while`](Self::wait_while).
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn wait_while_timeout<T: ?Sized + Send>(
        &self,
        condvar: &Condvar,
        guard: &mut MutexGuard<'_, T>,
        condition: impl FnMut(&mut T) -> bool,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        let end = || Some(after(Instant::now(), timeout));
        match self.wait_at(condvar, guard, condition, end, Location::caller()) {
            WaitEnd::False => Ok(()),
            WaitEnd::Stopped => Err(WaitError::Stopped(self.stopped())),
            WaitEnd::TimedOut => Err(WaitError::TimedOut),
        }
    }

    /// `end` is called only if there is something to wait for, so that the fast path reads no
    /// clock.
    fn wait_at<T: ?Sized + Send>(
        &self,
        condvar: &Condvar,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
        end: impl FnOnce() -> Option<Instant>,
        caller: &'static Location<'static>,
    ) -> WaitEnd {
        let mutex = MutexGuard::mutex(guard);
        let mut held = Guarded { condvar, guard };
        if self.node().is_probed() {
            // A planted stop stands for a stop by another thread, which does not hold the mutex. So
            // unlock it.
            held.unlocked(|| self.point("condvar", caller));
        } else {
            self.point("condvar", caller);
        }
        if is_stopping(self.node(), &mut held) {
            return WaitEnd::Stopped;
        }
        if !condition(held.guard) {
            return WaitEnd::False;
        }
        let end = end();
        let alone = self.is_alone(&mut held);
        // The mutex is held from here until the thread is parked for the first time. So a thread
        // that sees this mark, and then locks the mutex, finds the waiter parked.
        let _mark = WaitMark::new("condvar", caller);
        // The waiter drops `interrupt` on every way out, so that no thread uses the condvar and the
        // mutex after the wait.
        let interrupt = self.interrupt(Lease::promise(), condvar, mutex);
        Waiter::new(self.node(), interrupt, &mut held).wait_while(|held| condition(held.guard), end, alone)
    }

    /// Returns true if no other thread would repeat an unconfirmed wake-up of this waiter, or not
    /// for long enough: the root does not wait for a thread that is not its own.
    fn is_alone(&self, held: &mut impl Held) -> bool {
        let root = &self.core().root;
        if !root.delivers_interrupts() {
            // This may start a thread, and the program's subscriber is told if the OS refuses one.
            // So unlock the mutex.
            held.unlocked(|| root.ensure_keeper());
        }
        let ours = || current::records().iter().any(|own| Arc::ptr_eq(&own.core.root, root));
        !root.delivers_interrupts() || !ours()
    }

    fn interrupt<'a, T: ?Sized + Send>(
        &self,
        lease: Lease<'a>,
        condvar: &'a Condvar,
        mutex: &'a Mutex<T>,
    ) -> Arc<Interrupt> {
        let pair = (from_ref(condvar).addr(), from_ref(mutex).addr());
        let task = lease.erase(Arc::new(Place(Mutex::new(Some((condvar, mutex))))));
        let retrier = Arc::clone(&self.core().root) as Arc<dyn Retrier>;
        Interrupt::new(pair, task, retrier)
    }
}

/// The condvar and the mutex of a waiter; `None` after the waiter has left.
struct Place<'a, T: ?Sized>(Mutex<Option<(&'a Condvar, &'a Mutex<T>)>>);

impl<T: ?Sized + Send> Task<Effort> for Place<'_, T> {
    fn run(&self, effort: &Effort) -> Ran {
        let place = *self.0.lock();
        let Some((condvar, mutex)) = place else { return Ran::Nothing };
        assert_none_held();
        let held = match *effort {
            Effort::Try => mutex.try_lock(),
            Effort::For(slice) => mutex.try_lock_for(slice),
        };
        // Notify also without the mutex. A waiter that is parked is reached all the same:
        // `parking_lot` moves it into the queue of the mutex.
        condvar.notify_all();
        if held.is_some() { Ran::Done } else { Ran::Nothing }
    }

    fn clear(&self) -> Option<Payload> {
        *self.0.lock() = None;
        None
    }
}

struct Guarded<'a, 'm, T: ?Sized> {
    condvar: &'a Condvar,
    guard: &'a mut MutexGuard<'m, T>,
}

impl<T: ?Sized> Held for Guarded<'_, '_, T> {
    fn park(&mut self, end: Option<Instant>) -> bool {
        match end {
            None => {
                self.condvar.wait(self.guard);
                true
            }
            Some(end) => !self.condvar.wait_until(self.guard, end).timed_out(),
        }
    }

    fn unlocked<R>(&mut self, f: impl FnOnce() -> R) -> R {
        MutexGuard::unlocked(self.guard, f)
    }

    fn notify_one(&self) {
        self.condvar.notify_one();
    }
}
