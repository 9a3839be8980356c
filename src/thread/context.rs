//! Owns what a thread is given: its stop, its shields and deadlines, its callbacks, its name, and the way to siblings.
//! Refuses to own any of them: it is a handle, cheap to clone, and outlives nothing. The waits are in `wait`.

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::outcome::reason::StopReason;
use crate::outcome::status::Role;
use crate::outcome::stopped::Stopped;
use crate::stop::limit::{Limit, Timer};
use crate::stop::listen::Keeper;
use crate::stop::node::Node;
use crate::thread::failpoint;
use crate::tree::core::ScopeCore;
use crate::tree::current::{self, Entered};
use crate::tree::record::Record;

/// What a closure is given: it tells of the stop, waits, spawns siblings, and knows who it is.
///
/// A context may be cloned and kept. Once its thread or scope has ended, it is stopped.
#[derive(Clone)]
pub struct Context {
    record: Arc<Record>,
    /// The thread's own, or that of the shield or deadline in which this context was made.
    node: Arc<Node>,
}

/// # Stop
impl Context {
    pub(crate) fn of(record: &Arc<Record>) -> Context {
        Context { record: Arc::clone(record), node: Arc::clone(&record.node) }
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

    /// While the returned value lives, this is the calling thread's context.
    pub(crate) fn enter(&self) -> Entered {
        current::enter(Arc::clone(&self.record), Arc::clone(&self.node), None)
    }

    pub(crate) fn stopped(&self) -> Stopped {
        self.node.stopped()
    }

    /// A receiver that the stop disconnects; nothing is ever sent on it. An arm on it is ready for ever afterwards:
    /// `recv(cx.stop_signal()) -> _ => ..`. Where the stop must win over data, use `select_biased!`.
    ///
    /// ```
    /// use crossbeam_channel::{select_biased, unbounded};
    /// # fn main() -> homebound::Result<(), homebound::ScopeError> {
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
    /// })
    /// # }
    /// ```
    #[track_caller]
    pub fn stop_signal(&self) -> &Receiver<Infallible> {
        self.point("stop_signal", Location::caller());
        self.node.signal(Keeper::Timer)
    }

    /// True from the stop on. One atomic load; in a shield or a deadline also a look at the clock.
    #[inline]
    #[track_caller]
    pub fn is_stopping(&self) -> bool {
        self.asks("is_stopping", Location::caller())
    }

    /// Here the context waits, or asks: something may be planted here.
    #[inline]
    pub(crate) fn point(&self, what: &'static str, at: &'static Location<'static>) {
        if self.node.is_probed() {
            failpoint::visit(&self.record, what, at);
        }
    }

    /// A point at which something may be planted, and a look at the stop: by one load, where there is nothing special.
    #[inline]
    fn asks(&self, what: &'static str, at: &'static Location<'static>) -> bool {
        self.node.plainly_stopping().unwrap_or_else(|| {
            self.point(what, at);
            self.node.is_stopping()
        })
    }

    /// True when the thread's share of the grace has passed: drop everything and return.
    pub fn is_overdue(&self) -> bool {
        let record = &self.record;
        record.is_overdue() || (record.core.lock().clock.began.is_some() && record.core.is_past_share(record))
    }

    /// For CPU loops: an error from the stop on.
    ///
    /// # Errors
    /// [`Stopped`], if the context is stopping.
    #[inline]
    #[track_caller]
    #[must_use = "after a stop it is an error, for ever: pass it on with `?`, or leave the loop"]
    pub fn checkpoint(&self) -> std::result::Result<(), Stopped> {
        if self.asks("checkpoint", Location::caller()) { Err(self.stopped()) } else { Ok(()) }
    }

    /// Why it was asked to stop; `None` while it was not.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.node.is_stopping().then(|| (*self.node.reason()).clone())
    }

    /// Runs `f` with a context in which a stop is not seen until `max` after it (or after the entry, if that is
    /// later), or until the thread is overdue: for what must be finished once it was begun. Without a stop it changes
    /// nothing. Scopes opened inside hang below it. It never reaches beyond an outer shield.
    pub fn shield<R>(&self, max: Duration, f: impl FnOnce(&Context) -> R) -> R {
        self.within(Limit::shield(max, &self.node, self.timer()), f)
    }

    /// Runs `f` with a context that is stopped at `at`, or by the stop around it if that is earlier. Waits of that
    /// context end with [`StopReason::Deadline`].
    pub fn with_deadline<R>(&self, at: Instant, f: impl FnOnce(&Context) -> R) -> R {
        self.within(Limit::deadline(at, &self.node, self.timer()), f)
    }

    fn within<R>(&self, limit: Limit, f: impl FnOnce(&Context) -> R) -> R {
        let node = Node::limited(limit);
        node.attach(&self.node);
        if self.record.is_overdue() {
            // Marked overdue before the node was there to be reached (`overdue::mark`): nothing is hidden any more.
            self.record.node.mark_through_shields(self.core().node.cause()).run();
        }
        let context = Context { record: Arc::clone(&self.record), node };
        let _close = scopeguard::guard(Arc::clone(&context.node), |node| node.close());
        // Used from a thread that it does not belong to, it is not that thread's context.
        let own = current::record().is_some_and(|top| top.os_thread() == self.record.os_thread());
        let _entered = own.then(|| context.enter());
        f(&context)
    }

    fn timer(&self) -> Arc<dyn Timer> {
        Arc::clone(&self.core().root.timers) as Arc<dyn Timer>
    }

    /// The earliest deadline that was set around this context.
    pub fn deadline(&self) -> Option<Instant> {
        self.node.deadline()
    }

    pub(crate) fn role(&self) -> Role {
        self.record.role
    }
}

/// The calling thread's context, if it runs inside a scope. `None` in thread-local destructors.
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
