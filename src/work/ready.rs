//! Owns the start of a service that says when it is ready: the wait of its starter, the value that
//! passes between them.
//! Refuses to know whose a failure is, which `tree::readiness` decides.
//!
//! # The value
//!
//! The thread puts the value into the slot first, and says that it is ready then. The starter asks
//! which stage the thread has reached, and only then looks into the slot. So a starter that finds
//! the thread ready finds the value. In every other case the starter closes the slot: a value that
//! is in it is dropped by the starter, a later one by the thread that brings it.
//!
//! Both ends of a slot have its type, so no lifetime is promised: a [`Ready`] that is leaked leaks
//! an empty slot, because the starter has taken the value or closed the slot before `start`
//! returns.

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::Context;
use crate::Handle;
use crate::JoinError;
use crate::Result;
use crate::SpawnError;
use crate::StartError;
use crate::StopReason;
use crate::ThreadBuilder;
use crate::WaitError;
use crate::outcome::words::Span;
use crate::rt::contain::drop_contained;
use crate::rt::time::after;
use crate::shutdown::long_wait::For;
use crate::thread::blocking;
use crate::thread::context::current;
use crate::tree::deadlock::Waiting;
use crate::tree::propagate::complain;
use crate::tree::readiness::{Stage, Word};
use crate::tree::record::Record;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::work::slot::Slot;

/// The word of a service that is being started: it is ready, and this is what its starter needs to
/// know (a port, a channel). Given to the closure of [`ThreadBuilder::start`].
///
/// It may be moved to another thread, if that thread is the first to know. If it is dropped unset,
/// the service is told to stop.
///
/// ```
/// use std::time::Duration;
///
/// homebound::scope(|scope| {
///     let queue = scope.thread("queue", "takes jobs");
///     let (_handle, jobs) = queue.start(Duration::from_secs(5), |cx, ready| {
///         let (send, receive) = homebound::channel::bounded::<u32>(16);
///         ready.set(send); // from here on a failure is the scope's
///         Ok(cx.drain(&receive).for_each(|job| println!("job {job}")))
///     })?;
///     Ok(jobs.send(1)?)
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[must_use = "if it is dropped, the start fails: call `set` when the service can be used"]
pub struct Ready<V> {
    record: Arc<Record>,
    slot: Arc<Slot<V>>,
}

impl<V> Ready<V> {
    /// Says that the service is ready, and gives `value` to its starter. If the starter does not
    /// wait any more, the value is dropped. Never blocks.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let clock = scope.thread("clock", "ticks");
    ///     let (clock, ()) = clock.start(Duration::from_secs(5), |cx, ready| {
    ///         ready.set(());
    ///         Ok(drop(cx.wait_for_stop()))
    ///     })?;
    ///     assert!(!clock.is_finished());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn set(self, value: V) {
        // A starter that has left before its thread was told to stop has left for good.
        if self.record.stage() == Stage::Starting && self.slot.put(value).is_none() {
            // The value first: a starter that finds the thread ready finds the value. If the
            // starter leaves just now, it finds the value when it closes the slot.
            let _unless_too_late = self.record.set_ready(Word::Value);
        }
    }
}

impl<V> Drop for Ready<V> {
    fn drop(&mut self) {
        // Changes nothing if the thread is ready.
        self.record.lose_hope();
    }
}

impl<V> fmt::Debug for Ready<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("path", &self.record.path()).finish_non_exhaustive()
    }
}

impl<'scope> ThreadBuilder<'scope> {
    /// Starts a service, and returns when it says that it is ready, with what it says. `limit` is
    /// the time for that.
    ///
    /// Until the service is ready, its failure is returned here and is not the scope's, and
    /// [`vital`](Self::vital) does not count: so a start can be tried again with another port. From
    /// then on the service is like any other. Services are told to stop in the reverse order of
    /// their starts, so what is started first may be used by what is started later.
    ///
    /// The wait ends with a stop of the calling thread's context ([`current`](crate::current)), or
    /// of the scope if the thread has none. In this case, and if the time is over, the service is
    /// told to stop and stays in the scope: it may borrow, so nothing can let go of it. The dump
    /// shows it as `starting (not ready)` until it is home, and a failure of it is the scope's.
    ///
    /// ```
    /// use std::net::{TcpListener, TcpStream};
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let web = scope.thread("web", "serves pages");
    ///     let (_web, address) = web.start(Duration::from_secs(5), |cx, ready| {
    ///         let listener = TcpListener::bind("127.0.0.1:0")?;
    ///         ready.set(listener.local_addr()?);
    ///         loop {
    ///             cx.accept(&listener)?; // until the stop
    ///         }
    ///     })?;
    ///     TcpStream::connect(address)?; // no sleep, no second try: it listens
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`StartError`]: the failure of the service, its end or the drop of its [`Ready`] before it
    /// was ready, the end of the time, a stop, or what [`Scope::spawn`](crate::Scope::spawn)
    /// returns. If the calling thread is stopping already, nothing is spawned.
    #[track_caller]
    #[must_use = "it holds the value, and why the service is not ready: pass the error on with `?`"]
    pub fn start<V, F>(self, limit: Duration, f: F) -> Result<(Handle<'scope, ()>, V), StartError>
    where
        F: FnOnce(&Context, Ready<V>) -> Result + Send + 'scope,
        V: Send + 'scope,
    {
        let starter = Starter::new(limit, Location::caller())?;
        let slot = Arc::new(Slot::new());
        let given = Arc::clone(&slot);
        let begun = self.begin_service(Word::Value, move |cx: &Context| {
            f(cx, Ready { record: Arc::clone(cx.record()), slot: given })
        });
        let (handle, woken) = begun.map_err(|refusal| match refusal {
            // Told as a stop that comes a moment later is told.
            SpawnError::Stopped(stopped) => StartError::Stopped(stopped),
            refusal => StartError::Spawn(refusal),
        })?;
        let record = Arc::clone(handle.record());
        let started = starter.wait(handle, &woken);
        // Empty or full -> closed, on every way on.
        let value = slot.close();
        match (started, value) {
            (Ok(handle), Some(value)) => Ok((handle, value)),
            // Cannot be: a thread that is ready has put its value into the slot before.
            (Ok(_), None) => Err(StartError::NotReady),
            (Err(error), unwanted) => {
                if let Some(payload) = drop_contained(unwanted) {
                    complain(&record.core, record.origin(), payload, !record.is_isolated());
                }
                Err(error)
            }
        }
    }
}

/// A thread that waits until another one is ready.
pub(crate) struct Starter {
    /// The context whose stop ends the wait; without one, the stop of the scope does.
    context: Option<Context>,
    limit: Duration,
    until: Instant,
    at: &'static Location<'static>,
}

/// What a starter has seen of the thread.
enum Seen {
    Ready,
    /// The thread has ended, and its handle has the result.
    Over,
    /// As `Over`, after the starter has told the thread to stop.
    OverAsTold,
    /// The starter has left the thread, which runs on.
    Left(StartError),
}

impl Starter {
    /// To be made before the thread is spawned. An error if the calling thread is stopping.
    pub(crate) fn new(limit: Duration, at: &'static Location<'static>) -> Result<Starter, StartError> {
        let context = current();
        if let Some(context) = &context {
            context.point("start", at);
            if context.node().is_stopping() {
                return Err(StartError::Stopped(context.stopped()));
            }
        }
        Ok(Starter { context, limit, until: after(Instant::now(), limit), at })
    }

    /// Blocks until the thread of `handle` is ready. A thread that is left is told to stop. `woken`
    /// is from [`Record::begin_start`].
    pub(crate) fn wait<'scope>(
        &self,
        handle: Handle<'scope, ()>,
        woken: &Receiver<Infallible>,
    ) -> Result<Handle<'scope, ()>, StartError> {
        let record = Arc::clone(handle.record());
        let seen = {
            let _mark = WaitMark::on("start", self.at, Of::Thread(Arc::clone(&record)));
            let _edge = Waiting::until_ready(&record);
            self.watch(&record, woken)
        };
        match seen {
            Seen::Ready => Ok(handle),
            Seen::Over => Err(result_of(handle)),
            Seen::OverAsTold => Err(match result_of(handle) {
                // The stop was the starter's.
                StartError::Stopped(_) => StartError::NotReady,
                error => error,
            }),
            Seen::Left(error) => {
                match &error {
                    StartError::TimedOut { limit } => {
                        let why = format!("it was not ready within {}", Span(*limit));
                        record.node.stop(StopReason::Custom(why.into()));
                    }
                    // The same stop as the starter's, so that the thread passes on what the starter
                    // would.
                    StartError::Stopped(stopped) => {
                        stopped.cause().into_iter().for_each(|stop| record.node.mark_for(stop.clone()).run());
                    }
                    // It has been told.
                    _ => {}
                }
                Err(error)
            }
        }
    }

    fn watch(&self, record: &Arc<Record>, woken: &Receiver<Infallible>) -> Seen {
        let (mut left, mut over) = (self.until_woken(record, woken), Seen::Over);
        if left.is_ok() {
            match record.stage() {
                Stage::Ready => return Seen::Ready,
                Stage::Ended => {}
                // Its `Ready` is gone, and it runs, or is about to end. It is of no use any more.
                Stage::Starting | Stage::Hopeless => {
                    record.node.stop(StopReason::Custom("its `Ready` was dropped".into()));
                    over = Seen::OverAsTold;
                }
            }
            // The result says why it is not ready. If the drop of the `Ready` was the wake-up, the
            // result is still to come.
            left = self.until_woken(record, record.done.signal());
        }
        let Err(why) = left else { return over };
        // The thread may have been faster. From here on its failure is the scope's.
        match (record.give_up_start(), why) {
            (Stage::Ready, _) => Seen::Ready,
            (Stage::Ended, _) if record.done.is_set() => over,
            (_, WaitError::Stopped(stopped)) => Seen::Left(StartError::Stopped(stopped)),
            (Stage::Hopeless, _) => Seen::Left(StartError::NotReady),
            _ => Seen::Left(StartError::TimedOut { limit: self.limit }),
        }
    }

    /// Blocks until the receiver is disconnected. An error for the end of the time, and for the
    /// stop.
    fn until_woken(&self, record: &Arc<Record>, woken: &Receiver<Infallible>) -> Result<(), WaitError> {
        let node = self.context.as_ref().map_or(&record.core.node, Context::node);
        let disconnected = blocking::receive(For::Thread(record), node, Some(self.until), woken);
        disconnected.map(|_| ())
    }
}

/// Why a thread that has ended was not ready.
fn result_of(mut handle: Handle<'_, ()>) -> StartError {
    match handle.try_join() {
        Some(Err(JoinError::Failed(failure))) => StartError::Failed(failure),
        Some(Err(JoinError::Stopped(stopped))) => StartError::Stopped(stopped),
        _ => StartError::NotReady,
    }
}
