//! Owns `Stopper`, by which a program asks for a stop from anywhere, and `OnStop`, the guard of a
//! callback that runs at a stop.
//! Refuses to run a callback: the stopping thread does. The internal thread *stopper* is in
//! `registry::stopper_thread`.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::outcome::reason::StopReason;
use crate::outcome::words::ITS_CALLBACK;
use crate::rt::erase::Lease;
use crate::rt::packet::{Packet, Task};
use crate::rt::result::Result;
use crate::rt::shown::Shown;
use crate::stop::callback::{Callback, Caller};
use crate::stop::node::Node;
use crate::thread::context::Context;
use crate::tree::core::ScopeCore;
use crate::tree::propagate::complain;
use crate::tree::record::Record;
use crate::tree::text::IntoText;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::tree::{current, deadlock};

/// A registered callback, and the event that runs it.
pub(crate) struct Registered {
    pub(crate) at: At,
    pub(crate) callback: Arc<Callback>,
}

pub(crate) enum At {
    /// For the stop of this node.
    Stop(Arc<Node>),
    /// For the end of this thread.
    Done(Arc<Record>),
}

impl Registered {
    /// Registers the callback, or runs it here if the event has happened already.
    pub(crate) fn enter(&self) {
        match &self.at {
            At::Stop(node) if node.on_stop(&self.callback) => {}
            // The stop came first, and will not find this callback: run it here.
            At::Stop(_) => self.callback.run(Caller::Registrar),
            At::Done(record) => record.on_done(&self.callback),
        }
    }

    pub(crate) fn leave(&self) {
        match &self.at {
            At::Stop(node) => node.forget_callback(self.callback.key()),
            At::Done(record) => record.forget_on_done(self.callback.key()),
        }
        // Blocks while the callback runs on another thread. Pairs with `Callback::finish`.
        self.callback.abandon(|| {
            let own = current::record()?;
            Some(WaitMark::of(ITS_CALLBACK, own.label.at, Of::Nobody, Some(own)))
        });
    }
}

/// ## Callbacks, and the stop from outside
impl Context {
    /// Returns a [`Stopper`] of the scope that this thread is in.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.spawn("alarm", "ends the scope when it rings", |cx| {
    ///         cx.stopper().stop_because("the alarm rang");
    ///         Ok(())
    ///     })?;
    ///     assert_eq!(scope.context().wait_for_stop().to_string(), "the alarm rang");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn stopper(&self) -> Stopper {
        Stopper::of(self.core())
    }

    /// Runs `f` on the stop, in the thread that calls `stop` (for a signal or a deadline: in one of
    /// homebound's own), or at once if the stop has come already.
    ///
    /// When the guard drops, `f` is forgotten; if `f` is running on another thread, the drop waits
    /// for its end. A panic in `f` is contained, and is a failure of the scope.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let (close, closed) = homebound::channel::bounded(1);
    ///     scope.service("device", "reads from a device until it is closed", move |cx| {
    ///         let _guard = cx.on_stop(move || close.send(()).expect("the device is open"));
    ///         Ok(closed.recv()?) // stands for a call into C that no stop reaches
    ///     })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn on_stop(&self, f: impl FnOnce() + Send + 'static) -> OnStop {
        let registered = self.callback(At::Stop(Arc::clone(self.node())), self.callback_task(f));
        registered.enter();
        OnStop { registered }
    }

    /// As [`on_stop`](Self::on_stop), for an `f` that borrows. The callback is registered while
    /// `body` runs.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    ///
    /// let told = AtomicBool::new(false);
    /// homebound::scope(|scope| {
    ///     scope.context().with_on_stop(|| told.store(true, SeqCst), || scope.stop());
    ///     assert!(told.load(SeqCst));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn with_on_stop<R>(&self, f: impl FnOnce() + Send, body: impl FnOnce() -> R) -> R {
        // The guard abandons the callback before the data that `f` borrows is dropped, on every way
        // out of `body`.
        let task = Lease::promise().erase(self.callback_task(f));
        let at = At::Stop(Arc::clone(self.node()));
        let registered = scopeguard::guard(self.callback(at, task), |registered| registered.leave());
        registered.enter();
        body()
    }

    /// Makes a task of a callback. While `f` runs, a call that would wait for the scope of this
    /// context does not wait, because the scope waits for `f`.
    pub(crate) fn callback_task<'a>(&self, f: impl FnOnce() + Send + 'a) -> Arc<dyn Task<Caller> + 'a> {
        // Weak, because the node of the record lists the callback: a strong reference would be a
        // cycle.
        let record = Arc::downgrade(self.record());
        Packet::new(move |by: &Caller| -> Result {
            let of = record.upgrade();
            let call = || match by {
                // On the thread that stops: the search for cycles must know whose callback that
                // thread is in.
                Caller::Stop => deadlock::as_callback_of(record, f),
                Caller::Registrar => current::as_callback(f),
            };
            match &of {
                Some(of) => of.core.root.running.during(format!("callback of {}", Shown(of.path())), call),
                None => call(),
            }
            Ok(())
        })
    }

    pub(crate) fn callback(&self, at: At, task: Arc<dyn Task<Caller>>) -> Registered {
        let record = Arc::downgrade(self.record());
        let callback = Callback::new(
            task,
            Box::new(move |payload| match record.upgrade() {
                // A panic of a callback is a failure of the scope of its context, as long as that
                // is there.
                Some(record) => complain(&record.core, record.origin(), payload, true),
                None => crate::stop::callback::unheard(payload),
            }),
        );
        Registered { at, callback }
    }
}

/// Keeps a callback registered, until this drops. See
/// [`Context::on_stop`](crate::Context::on_stop) and [`Handle::on_done`](crate::Handle::on_done).
///
/// ```
/// homebound::scope(|scope| {
///     let guard = scope.context().on_stop(|| unreachable!("it was forgotten"));
///     drop(guard);
///     scope.stop();
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[must_use = "the callback is forgotten when this drops"]
pub struct OnStop {
    pub(crate) registered: Registered,
}

impl Drop for OnStop {
    fn drop(&mut self) {
        self.registered.leave();
    }
}

impl fmt::Debug for OnStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnStop").finish_non_exhaustive()
    }
}

/// Stops a scope or a thread, from anywhere and at any time. May outlive it.
///
/// ```
/// homebound::scope(|scope| {
///     let stopper = scope.stopper();
///     let on_click = move || stopper.stop(); // for a button of a toolkit, say
///     on_click();
///     scope.context().wait_for_stop();
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Clone)]
pub struct Stopper {
    whose: Whose,
}

#[derive(Clone)]
enum Whose {
    Scope(Arc<ScopeCore>),
    Thread(Arc<Record>),
}

impl Stopper {
    pub(crate) fn of(core: &Arc<ScopeCore>) -> Stopper {
        Stopper { whose: Whose::Scope(Arc::clone(core)) }
    }

    pub(crate) fn of_thread(record: &Arc<Record>) -> Stopper {
        Stopper { whose: Whose::Thread(Arc::clone(record)) }
    }

    fn node(&self) -> &Arc<Node> {
        match &self.whose {
            Whose::Scope(core) => &core.node,
            Whose::Thread(record) => &record.node,
        }
    }

    /// Tells the scope, or the thread, to stop. When this returns, the body and the workers of the
    /// scope see the stop, and all that is below them. Of a thread: the thread, and all that runs
    /// below it.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let worker = scope.spawn("worker", "waits", |cx| Ok(cx.wait_for_stop()))?;
    ///     worker.stopper().stop(); // this thread alone
    ///     assert!(worker.join().is_ok());
    ///     assert!(!scope.is_stopping());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn stop(&self) {
        self.node().stop(StopReason::Requested { at: Location::caller() });
    }

    /// As [`stop`](Self::stop), with a reason in words: [`StopReason::Custom`].
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.stopper().stop_because("the licence has expired");
    ///     assert_eq!(scope.context().wait_for_stop().to_string(), "the licence has expired");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn stop_because(&self, why: impl IntoText) {
        self.node().stop(StopReason::Custom(why.into()));
    }

    /// Returns true from the stop on, and when the scope or thread is over.
    ///
    /// ```
    /// let stopper = homebound::scope(|scope| {
    ///     assert!(!scope.stopper().is_stopping());
    ///     Ok(scope.stopper())
    /// })?;
    /// assert!(stopper.is_stopping()); // the scope is over
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn is_stopping(&self) -> bool {
        self.node().is_stopping()
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, path) = match &self.whose {
            Whose::Scope(core) => ("scope", core.path()),
            Whose::Thread(record) => ("thread", record.path()),
        };
        f.debug_struct("Stopper").field(what, &path).finish_non_exhaustive()
    }
}
