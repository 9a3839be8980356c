//! Owns the set of threads and jobs whose ends are taken one by one, in the order in which they
//! happen.
//! Refuses to start a thread, and to know how a member ended: its handle tells.
//!
//! ```text
//! member --(ends: its id comes to the inbox)--> ended --(next takes the id)--> taken
//! ```
//!
//! A thread gets the inbox before it is started, so no end is missed. It sends its id when its
//! handle has the result. A job sends its id by a callback, which runs at once if the job has ended
//! before. So a `next` that has an id finds the result, and costs the same however
//! many members there are. A member that has ended stays in the set until a `next` takes its id, so
//! a `next` that a stop has ended loses nothing.

mod member;

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::Context;
use crate::IntoText;
use crate::JoinError;
use crate::Pool;
use crate::Scope;
use crate::SpawnError;
use crate::StopReason;
use crate::Stopped;
use crate::SubmitError;
use crate::ThreadId;
use crate::WaitError;
use crate::rt::by_id::ById;
use crate::rt::contain::drop_each;
use crate::rt::order::sort_by_key;
use crate::rt::time::after;
use crate::shutdown::long_wait::For;
use crate::tree::deadlock::Waiting;
use crate::tree::life::Inbox;
use crate::tree::on_done;
use crate::tree::users;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::work::join_set::member::Member;

/// An end, as [`JoinSet::next`] returns it.
type End<T> = (ThreadId, Result<T, JoinError>);

/// Threads, and jobs of pools, whose ends are taken one by one, as they happen: for results that
/// are used in the order in which they come, and for a number of threads that changes.
///
/// The threads of a set are [`isolated`](crate::ThreadBuilder::isolated), as every job with a
/// handle is: if one fails, nothing is stopped, and [`next`](Self::next) returns the failure. A
/// failure that no call has returned when the set is dropped is a failure of the scope.
/// [`join_all`](Self::join_all) takes all results together.
///
/// | | a set | handles in a `Vec` | [`Scope::map`](crate::Scope::map) |
/// |---|---|---|---|
/// | results come | as threads end | as they are joined | in the order of the items |
/// | threads | one for each spawn | one for each spawn | `width`, for any number of items |
/// | a failure | is returned, the others go on | stops the scope | stops the rest |
///
/// ```
/// use homebound::JoinSet;
///
/// homebound::scope(|scope| {
///     let cx = scope.context();
///     let mut set = JoinSet::new();
///     for page in ["a", "bb", "ccc"] {
///         set.spawn(scope, "fetch", "fetches a page", move |_| Ok(page.len()))?;
///     }
///     let mut sum = 0;
///     while let Some((id, length)) = set.next(cx)? {
///         match length {
///             Ok(length) => sum += length,
///             Err(error) => println!("{id:?}: {error}"), // the others go on
///         }
///     }
///     assert_eq!(sum, 6);
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
///
/// # Drop
/// Tells all threads of the set to stop, and does not wait for them: their scope does. A failure
/// that no call has returned is in the result of the scope. A set that is forgotten (`mem::forget`)
/// stops nothing, and its threads come home with the scope.
///
/// # A set of a shorter scope
/// `'scope` cannot be shortened, because a thread of the set could then borrow a local that dies
/// before the thread ends.
#[must_use = "a set that is dropped stops its threads"]
pub struct JoinSet<'scope, T> {
    /// The threads and jobs whose end no `next` has taken, by id. Written by `spawn`, `submit`,
    /// `next` and `join_all`.
    members: ById<Member<'scope, T>>,
    /// Given to each member, which sends its id when it has ended.
    inbox: Inbox,
    /// The other end of `inbox`, read by `next`.
    ends: Receiver<ThreadId>,
    /// Makes the set invariant in `'scope`, as the builder of its threads is.
    _invariant: PhantomData<fn(&'scope ()) -> &'scope ()>,
}

impl<'scope, T> JoinSet<'scope, T> {
    /// Makes an empty set. Needs no scope: each [`spawn`](Self::spawn) names one.
    ///
    /// ```
    /// let set = homebound::JoinSet::<()>::new();
    /// assert!(set.is_empty());
    /// ```
    pub fn new() -> Self {
        let (inbox, ends) = on_done::inbox();
        JoinSet { members: ById::new(), inbox, ends, _invariant: PhantomData }
    }

    /// Returns the number of threads whose end was not taken yet: running threads, and threads
    /// that have ended since.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let mut set = homebound::JoinSet::new();
    ///     set.spawn(scope, "one", "returns 1", |_| Ok(1))?;
    ///     assert_eq!(set.len(), 1);
    ///     let _end = set.next(scope.context())?;
    ///     assert_eq!(set.len(), 0);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns true if every end was taken: then [`next`](Self::next) returns `None`.
    pub fn is_empty(&self) -> bool {
        self.members.len() == 0
    }

    /// Spawns a thread in `scope`, and adds it to the set. The thread is a worker of that scope,
    /// and [`isolated`](crate::ThreadBuilder::isolated). Returns the id with which
    /// [`next`](Self::next) will return its end.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let mut set = homebound::JoinSet::new();
    ///     let id = set.spawn(scope, "parser", "parses a number", |_| Ok("12".parse::<u8>()?))?;
    ///     let (ended, number) = set.next(scope.context())?.expect("it has one thread");
    ///     assert_eq!((ended, number?), (id, 12));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Scope::spawn`]. The set is as it was before.
    #[track_caller]
    pub fn spawn<F>(
        &mut self,
        scope: &Scope<'scope, '_>,
        name: impl IntoText,
        purpose: impl IntoText,
        f: F,
    ) -> Result<ThreadId, SpawnError>
    where
        F: FnOnce(&Context) -> crate::Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        let handle = scope.thread(name, purpose).isolated().telling(self.inbox.clone()).spawn(f)?;
        let id = handle.id();
        self.members.insert(id.0, Member::Thread(handle));
        Ok(id)
    }

    /// Submits a job to `pool`, and adds it to the set. Blocks while the queue has no place, as
    /// [`Pool::submit`] does. Returns the id with which [`next`](Self::next) will return its end.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let cx = scope.context();
    ///     let pool = scope.pool("parser", "parses numbers").threads(2).start()?;
    ///     let mut set = homebound::JoinSet::new();
    ///     for text in ["1", "two", "3"] {
    ///         set.submit(&pool, cx, move |_| Ok(text.parse::<u8>()?))?;
    ///     }
    ///     let mut good = Vec::new();
    ///     while let Some((_, number)) = set.next(cx)? {
    ///         good.extend(number.ok());
    ///     }
    ///     good.sort();
    ///     assert_eq!(good, [1, 3]);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Pool::submit`]. The set is as it was before.
    #[track_caller]
    pub fn submit<F>(&mut self, pool: &Pool<'scope>, cx: &Context, f: F) -> Result<ThreadId, SubmitError>
    where
        F: FnOnce(&Context) -> crate::Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        let job = pool.submit(cx, f)?;
        let (id, inbox) = (job.id(), self.inbox.clone());
        // Pairs with the wait in `await_end`. The set has the other end of the inbox, so only a set
        // that is gone does not get the id, and then nobody wants it.
        let told = job.on_done(move || inbox(id));
        self.members.insert(id.0, Member::Job { job, _told: told });
        Ok(id)
    }

    /// Blocks until a thread of the set ends, and returns its id and its result. `None` if no
    /// thread is left. The ends come in the order in which they happened, and each comes once.
    ///
    /// The stop of `cx` wins over an end that is there. No result is lost by that, because threads
    /// that have ended stay in the set. A clean-up takes it inside of [`Context::shield`], whose
    /// closure gets a context that does not see the stop.
    ///
    /// Inside a job, a member that is a job of the same pool may wait for the calling thread. So if
    /// the first member has not begun, it is run in place, as by [`Job::join`](crate::Job::join).
    ///
    /// A dump shows `next of 12 threads`, or, if one is left, `next of /app/fetch`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let mut set = homebound::JoinSet::new();
    ///     let (open, gate) = homebound::channel::bounded::<()>(0);
    ///     set.spawn(scope, "slow", "waits for the fast one", move |_| Ok(drop(gate.recv())))?;
    ///     let fast = set.spawn(scope, "fast", "ends at once", |_| Ok(()))?;
    ///     let (first, _) = set.next(scope.context())?.expect("two threads");
    ///     assert_eq!(first, fast);
    ///     drop(open);
    ///     assert!(set.next(scope.context())?.is_some());
    ///     assert!(set.next(scope.context())?.is_none());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`Stopped`], at once if `cx` is stopping already. If one thread is left, and that thread
    /// waits by a [`join`](crate::Handle::join) for the caller, its result is
    /// [`JoinError::WouldDeadlock`]: the thread leaves the set, and a failure of it is the scope's.
    /// A set of which several threads are left is not searched for such a cycle.
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn next(&mut self, cx: &Context) -> Result<Option<End<T>>, Stopped> {
        self.take(cx, None, Location::caller()).map_err(|error| match error {
            WaitError::Stopped(stopped) => stopped,
            // Without a time-out, and with a sender of the inbox in `self`, the stop is all that
            // ends the wait.
            WaitError::Disconnected | WaitError::TimedOut => cx.stopped(),
        })
    }

    /// As [`next`](Self::next), for at most `timeout`.
    ///
    /// ```
    /// use homebound::{JoinSet, WaitError};
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let mut set = JoinSet::new();
    ///     set.spawn(scope, "waiter", "waits for the stop", |cx| Ok(cx.wait_for_stop()))?;
    ///     let waited = set.next_timeout(scope.context(), Duration::from_millis(1));
    ///     assert!(matches!(waited, Err(WaitError::TimedOut)));
    ///     assert_eq!(set.len(), 1); // the thread is in the set as before
    ///     Ok(()) // the drop of the set stops it
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`WaitError::Stopped`] as `next`, and [`WaitError::TimedOut`].
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn next_timeout(&mut self, cx: &Context, timeout: Duration) -> Result<Option<End<T>>, WaitError> {
        self.take(cx, Some(after(Instant::now(), timeout)), Location::caller())
    }

    /// Tells every thread of the set to stop, and does not wait. The set stays as it is: `next`
    /// returns the ends.
    ///
    /// A thread that ends because of this has not failed. Its result is [`JoinError::Stopped`]. To
    /// pass that on with `?` would make a failure of it, because the caller was not told to stop.
    /// So match:
    ///
    /// ```
    /// use homebound::{JoinError, JoinSet};
    ///
    /// homebound::scope(|scope| {
    ///     let cx = scope.context();
    ///     let mut set = JoinSet::new();
    ///     set.spawn(scope, "finder", "has found it", |_| Ok("here"))?;
    ///     set.spawn(scope, "seeker", "seeks", |cx| {
    ///         cx.wait_for_stop();
    ///         Err(cx.checkpoint().expect_err("it was told to stop").into())
    ///     })?;
    ///     let mut found = None;
    ///     while let Some((_, result)) = set.next(cx)? {
    ///         match result {
    ///             Ok(place) => {
    ///                 found = Some(place);
    ///                 set.stop_all(); // the others need not seek any more
    ///             }
    ///             Err(JoinError::Stopped(_)) => {} // by this loop
    ///             Err(error) => Err(error)?,
    ///         }
    ///     }
    ///     assert_eq!(found, Some("here"));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn stop_all(&self) {
        self.stop_for(&StopReason::Requested { at: Location::caller() });
    }

    /// Blocks until all threads of the set have ended, and returns their results in the order of
    /// the spawns. Ends taken by an earlier [`next`](Self::next) are not among them.
    ///
    /// The first failure stops the rest. It is returned when the rest has ended too, so that no
    /// thread of the set runs any more. A second failure is in the result of the scope.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let mut set = homebound::JoinSet::new();
    ///     for number in 1..=3 {
    ///         set.spawn(scope, "square", "squares a number", move |_| Ok(number * number))?;
    ///     }
    ///     assert_eq!(set.join_all(scope.context())?, [1, 4, 9]);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// The first thread that did not return a value: [`JoinError::Failed`], or
    /// [`JoinError::Stopped`] if it was told to stop. If `cx` is stopped first, its stop: then the
    /// rest is told to stop, and not waited for.
    #[track_caller]
    #[must_use = "dropped, it takes the failure or the stop along: pass it on with `?`"]
    pub fn join_all(mut self, cx: &Context) -> Result<Vec<T>, JoinError> {
        let caller = Location::caller();
        let mut values = Vec::with_capacity(self.len());
        let error = loop {
            match self.take(cx, None, caller) {
                Ok(Some((id, Ok(value)))) => values.push((id, value)),
                Ok(Some((_, Err(error)))) => {
                    self.stop_for(&StopReason::Requested { at: caller });
                    self.wait_for_rest(cx, caller);
                    break error;
                }
                Ok(None) => {
                    // Ids grow, so this is the order of the spawns.
                    sort_by_key(&mut values, |(id, _)| *id);
                    return Ok(values.into_iter().map(|(_, value)| value).collect());
                }
                Err(WaitError::Stopped(stopped)) => break JoinError::Stopped(stopped),
                Err(WaitError::Disconnected | WaitError::TimedOut) => {
                    break JoinError::Stopped(cx.stopped());
                }
            }
        };
        // Values that are not handed out. A panic is a failure of the calling thread.
        drop_each(values, |payload| cx.fail_panic(payload));
        Err(error)
    }

    /// Waits until all members have ended, or until the stop. Does not ask for their results, so
    /// that a failure goes to the scope when the handle drops.
    fn wait_for_rest(&mut self, cx: &Context, at: &'static Location<'static>) {
        while !self.is_empty() {
            match self.await_end(cx, None, at) {
                Ok(Ok(id)) => drop(self.members.remove(id.0)),
                // A thread that waits for this one, or the stop.
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    /// The next end, or the error that ends the wait for it.
    fn take(
        &mut self,
        cx: &Context,
        end: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<Option<End<T>>, WaitError> {
        cx.point("next", at);
        while !self.is_empty() {
            match self.await_end(cx, end, at)? {
                Ok(id) => {
                    // No member: the thread has left the set because of a cycle.
                    let Some(mut member) = self.members.remove(id.0) else { continue };
                    // Ended to taken. It has sent its id, so its handle has the result.
                    if let Some(result) = member.try_join() {
                        return Ok(Some((id, result)));
                    }
                }
                Err((id, cycle)) => {
                    drop(self.members.remove(id.0));
                    return Ok(Some((id, Err(cycle))));
                }
            }
        }
        Ok(None)
    }

    /// Waits for an id in the inbox. `Ok(Err(..))` if the wait would be for ever: the last member,
    /// and the cycle.
    fn await_end(
        &self,
        cx: &Context,
        end: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<Result<ThreadId, (ThreadId, JoinError)>, WaitError> {
        // Pairs with `Record::tell_sequel`, and with the callback of `submit`.
        if let Some(received) = cx.look(&self.ends) {
            return received.map(Ok);
        }
        let run = if end.is_none() { self.run_in_place() } else { Ok(()) };
        if let Err(cycle) = run {
            return Ok(Err(cycle));
        }
        let only = self.members.values().next().filter(|_| self.len() == 1).and_then(Member::thread);
        let waiting = only.filter(|_| end.is_none()).map(Waiting::on_thread).transpose();
        let _waiting = match (waiting, only) {
            (Err(cycle), Some(record)) => return Ok(Err((record.id, cycle))),
            (waiting, _) => waiting,
        };
        let names = || self.members.values().map(Member::name).collect();
        let (whom, of) = match only {
            Some(record) => (For::Thread(record), Of::Thread(record.clone())),
            None => (For::First(cx.core(), &names), Of::Any(self.len())),
        };
        cx.receive_end(&self.ends, end, whom, || WaitMark::on("next", at, of)).map(Ok)
    }

    /// Inside of a job of a pool, a member that has not begun might wait for the thread of the
    /// caller. So if no member before it runs, runs that member in place, as `Job::join` does. Its
    /// end comes to the inbox.
    fn run_in_place(&self) -> Result<(), (ThreadId, JoinError)> {
        if !users::is_caller_in_a_pool() {
            return Ok(());
        }
        for job in self.members.values().map_while(Member::queued) {
            if job.run_in_place().map_err(|cycle| (job.id(), cycle))? {
                break;
            }
        }
        Ok(())
    }

    fn stop_for(&self, reason: &StopReason) {
        // The last first: a job that waits in a queue is told before the job ahead of it makes
        // room.
        self.members.values().rev().for_each(|member| member.stop_for(reason));
    }
}

impl<T> Default for JoinSet<'_, T> {
    fn default() -> Self {
        JoinSet::new()
    }
}

impl<T> Drop for JoinSet<'_, T> {
    fn drop(&mut self) {
        // Then the handles are dropped, which gives the failures to the scope (P4).
        self.stop_for(&StopReason::Custom("its join set was dropped".into()));
    }
}

impl<T> fmt::Debug for JoinSet<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("members", &self.len()).finish_non_exhaustive()
    }
}
