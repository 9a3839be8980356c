//! Owns the methods of a context that are about the stop: the signal, the checks, shields and
//! deadlines. The waits are in the folder `wait`, and `scope` has the methods that start threads.
//! Refuses to own the state: a context is a handle, cheap to clone, and outlives nothing.

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::outcome::reason::StopReason;
use crate::outcome::status::snapshot::Role;
use crate::outcome::stopped::Stopped;
use crate::stop::limit::{Limit, Timer};
use crate::stop::listen::Keeper;
use crate::stop::node::Node;
use crate::thread::failpoint;
use crate::tree::core::ScopeCore;
use crate::tree::current::{self, Entered};
use crate::tree::record::Record;

/// What the closure of a thread is given: the stop of the thread, its waits, the way to more
/// threads, and its name.
///
/// A context may be cloned and kept. Once its thread or scope has ended, the context is stopping.
///
/// ```
/// homebound::scope(|scope| {
///     scope.service("counter", "counts until it is told to stop", |cx| {
///         let mut count = 0_u64;
///         while !cx.is_stopping() {
///             count += 1;
///         }
///         println!("{} counted to {count}", cx.path());
///         Ok(())
///     })?;
///     Ok(()) // the body is home, so the service is told to stop
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Clone)]
pub struct Context {
    /// The thread to which this context belongs. Never changes.
    record: Arc<Record>,
    /// The node of the thread, or of the shield or deadline for which `within` made this context.
    /// Never changes.
    node: Arc<Node>,
}

/// # Stop
impl Context {
    pub(crate) fn of(record: &Arc<Record>) -> Context {
        Context { record: Arc::clone(record), node: Arc::clone(&record.node) }
    }

    /// The context of the present run of a thread whose closure may run again.
    pub(crate) fn of_run(record: &Arc<Record>) -> Context {
        let node = record.traits.runs.as_ref().and_then(|runs| runs.node());
        Context { record: Arc::clone(record), node: node.unwrap_or_else(|| Arc::clone(&record.node)) }
    }

    /// The context of a closure that runs on the thread of `record`, and has a stop of its own.
    pub(crate) fn inside(record: &Arc<Record>, node: &Arc<Node>) -> Context {
        Context { record: Arc::clone(record), node: Arc::clone(node) }
    }

    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.record
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    pub(crate) fn core(&self) -> &Arc<ScopeCore> {
        &self.record.core
    }

    /// Makes this context the calling thread's current one, until the returned value drops.
    pub(crate) fn enter(&self) -> Entered {
        current::enter(Arc::clone(&self.record), Arc::clone(&self.node), None)
    }

    pub(crate) fn stopped(&self) -> Stopped {
        self.node.stopped()
    }

    /// Returns a receiver that the stop disconnects. No message is ever sent on it, so from the
    /// stop on an arm `recv(cx.stop_signal()) -> _ => ..` is always ready. Where the stop must win
    /// over data, use `select_biased!`.
    ///
    /// ```
    /// use crossbeam_channel::{select_biased, unbounded};
    ///
    /// homebound::scope(|scope| {
    ///     let (jobs, queue) = unbounded::<u32>();
    ///     let _worker = scope.spawn("adder", "adds up what it is sent", move |cx| {
    ///         let mut sum = 0;
    ///         loop {
    ///             select_biased! {
    ///                 recv(cx.stop_signal()) -> _ => return Ok(sum),
    ///                 recv(queue) -> job => match job {
    ///                     Ok(number) => sum += number,
    ///                     Err(_) => return Ok(sum),
    ///                 },
    ///             }
    ///         }
    ///     })?;
    ///     jobs.send(3)?;
    ///     drop(jobs);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn stop_signal(&self) -> &Receiver<Infallible> {
        self.point("stop_signal", Location::caller());
        self.record.node.lend();
        self.node.signal(Keeper::Timer)
    }

    /// Returns true from the stop on. Costs one atomic load; in a shield or a deadline, also a read
    /// of the clock.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let cx = scope.context();
    ///     assert!(!cx.is_stopping());
    ///     scope.stop();
    ///     assert!(cx.is_stopping());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn is_stopping(&self) -> bool {
        let at = Location::caller();
        self.node.plainly_stopping().unwrap_or_else(|| {
            // No sign of progress: a loop that does nothing else is just what an expectation is to
            // find.
            self.visit("is_stopping", at);
            self.node.is_stopping()
        })
    }

    /// Marks the beginning of a wait: a sign of progress, for a thread that has said what to expect
    /// of it. A test may have planted a stop or a panic here.
    #[inline]
    pub(crate) fn point(&self, what: &'static str, at: &'static Location<'static>) {
        if self.node.is_pointed() {
            self.progress(at);
            self.visit(what, at);
        }
    }

    /// A sign of progress.
    pub(super) fn progress(&self, at: &'static Location<'static>) {
        if !self.is_outdated() {
            self.record.progress(Some(at));
        }
    }

    /// True if the context belongs to an earlier run of its thread, or to an earlier job: it must
    /// not speak for the present one.
    pub(crate) fn is_outdated(&self) -> bool {
        let may_be = self.record.traits.runs.is_some() || self.record.job().is_some();
        may_be && self.node.base().is_closed()
    }

    /// Marks a point where a test may have planted a stop or a panic.
    #[inline]
    fn visit(&self, what: &'static str, at: &'static Location<'static>) {
        if self.node.is_probed() {
            failpoint::visit(&self.record, what, at);
        }
    }

    /// Returns true when the thread's share of the grace has passed: drop everything and return.
    ///
    /// ```
    /// # fn write_one() -> bool { false }
    /// homebound::scope(|scope| {
    ///     scope.service("writer", "writes its queue to the disk", |cx| {
    ///         cx.wait_for_stop();
    ///         // As much as there is time for.
    ///         while !cx.is_overdue() && write_one() {}
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn is_overdue(&self) -> bool {
        let record = &self.record;
        record.is_overdue() || (record.core.lock().clock.began.is_some() && record.core.is_past_share(record))
    }

    /// Returns an error from the stop on: for a loop that computes and never waits.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let search = scope.spawn("search", "tries all keys", |cx| -> homebound::Result {
    ///         for key in (0_u64..).cycle() {
    ///             cx.checkpoint()?;
    ///             std::hint::black_box(key);
    ///         }
    ///         Ok(())
    ///     })?;
    ///     search.stop();
    ///     assert!(search.join().is_err());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`Stopped`], if the context is stopping.
    #[inline]
    #[track_caller]
    #[must_use = "after a stop it is an error, for ever: pass it on with `?`, or leave the loop"]
    pub fn checkpoint(&self) -> std::result::Result<(), Stopped> {
        let at = Location::caller();
        let stops = self.node.plainly_stopping().unwrap_or_else(|| {
            self.point("checkpoint", at);
            self.node.is_stopping()
        });
        if stops { Err(self.stopped()) } else { Ok(()) }
    }

    /// Returns why the context was told to stop; `None` if it was not.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     assert!(scope.context().stop_reason().is_none());
    ///     scope.stopper().stop_because("the disk is full");
    ///     let reason = scope.context().stop_reason().expect("it is stopping");
    ///     assert_eq!(reason.to_string(), "the disk is full");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.node.is_stopping().then(|| (*self.node.reason()).clone())
    }

    /// Runs `f` with a context that does not see a stop until `max` after the stop (or after the
    /// entry, if the stop came before), or until the thread is overdue: for steps that must be
    /// finished once they are begun.
    ///
    /// Without a stop, a shield changes nothing. A scope that is opened inside hangs below the
    /// shield. A shield never reaches beyond an outer one.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     scope.spawn("saver", "saves in two steps", |cx| {
    ///         cx.shield(Duration::from_secs(1), |cx| {
    ///             cx.stopper().stop(); // a stop between the two steps ..
    ///             assert!(!cx.is_stopping()); // .. is not seen in the shield
    ///         });
    ///         assert!(cx.is_stopping());
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn shield<R>(&self, max: Duration, f: impl FnOnce(&Context) -> R) -> R {
        self.within(Limit::shield(max, &self.node, self.timer()), f)
    }

    /// Runs `f` with a context that is stopped at `at`, or by an earlier stop from outside. The
    /// waits of that context end with [`StopReason::Deadline`].
    ///
    /// ```
    /// use homebound::StopReason;
    /// use std::time::{Duration, Instant};
    ///
    /// homebound::scope(|scope| {
    ///     let soon = Instant::now() + Duration::from_millis(2);
    ///     let minute = Duration::from_secs(60);
    ///     let waited = scope.context().with_deadline(soon, |cx| cx.sleep(minute));
    ///     assert_eq!(waited.unwrap_err().reason(), &StopReason::Deadline);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn with_deadline<R>(&self, at: Instant, f: impl FnOnce(&Context) -> R) -> R {
        self.within(Limit::deadline(at, &self.node, self.timer()), f)
    }

    fn within<R>(&self, limit: Limit, f: impl FnOnce(&Context) -> R) -> R {
        let node = Node::limited(limit);
        node.attach(&self.node);
        if self.record.is_overdue() {
            // `overdue::mark` marked the thread before this node was there to be reached, so mark
            // the node now: an overdue thread sees the stop in any shield.
            self.record.node.mark_through_shields(self.core().node.cause()).run();
        }
        let context = Context { record: Arc::clone(&self.record), node };
        let _close = scopeguard::guard(Arc::clone(&context.node), |node| node.close());
        // A context may be used on a thread that it does not belong to. There it does not become
        // the current context.
        let own = current::record().is_some_and(|top| top.os_thread() == self.record.os_thread());
        let _entered = own.then(|| context.enter());
        f(&context)
    }

    fn timer(&self) -> Arc<dyn Timer> {
        Arc::clone(&self.core().root) as Arc<dyn Timer>
    }

    /// Returns the earliest deadline that was set around this context.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// homebound::scope(|scope| {
    ///     let cx = scope.context();
    ///     assert_eq!(cx.deadline(), None);
    ///     let at = Instant::now() + Duration::from_secs(60);
    ///     cx.with_deadline(at, |cx| assert_eq!(cx.deadline(), Some(at)));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.node.deadline()
    }

    pub(crate) fn role(&self) -> Role {
        self.record.role
    }
}

/// Returns the calling thread's context, if the thread runs inside a scope. `None` in the
/// destructors of thread-locals.
///
/// A function that is called deep inside of a thread uses it to hear the stop without a parameter.
///
/// ```
/// fn pause() {
///     if let Some(cx) = homebound::current() {
///         let _a_stop_ends_the_pause = cx.sleep(std::time::Duration::from_millis(1));
///     }
/// }
/// pause(); // outside of a scope
/// homebound::scope(|scope| {
///     scope.spawn("worker", "pauses once", |_| Ok(pause()))?;
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
pub fn current() -> Option<Context> {
    current::top().map(|(record, node)| Context { record, node })
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("path", &self.record.path())
            .field("role", &self.role())
            .field("stopping", &self.node.is_stopping())
            .finish_non_exhaustive()
    }
}
