//! Owns the names of a thread, and the reports that a running thread makes of itself: what it is
//! working on, and what has failed.
//! Refuses to act on a failure: the scope does.

use std::any::Any;

use crate::outcome::errors::failure::{Failure, Happened};
use crate::outcome::status::id::ThreadId;
use crate::outcome::status::snapshot::Role;
use crate::outcome::stopped::Stopped;
use crate::rt::contain::Payload;
use crate::rt::result::{BoxError, Result};
use crate::thread::context::Context;
use crate::tree::classify::{ErrorClass, classify};
use crate::tree::panic_hook;
use crate::tree::propagate::log;
use crate::tree::readiness::Word;
use crate::tree::root::Said;
use crate::tree::text::IntoText;

/// # Identity
impl Context {
    /// Returns the thread's name; in the body of a scope, the scope's.
    ///
    /// ```
    /// homebound::scope_named("app", |scope| {
    ///     scope.spawn("worker", "works", |cx| Ok(assert_eq!(cx.name(), "worker")))?;
    ///     Ok(assert_eq!(scope.context().name(), "app"))
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.record().label.name
    }

    /// Returns what the thread is for.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.spawn("sum", "adds numbers", |cx| Ok(assert_eq!(cx.purpose(), "adds numbers")))?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn purpose(&self) -> &str {
        &self.record().label.purpose
    }

    /// Returns the names of the scopes around the thread, and its own: `/studio/gui/thumbs`.
    ///
    /// ```
    /// homebound::scope_named("app", |scope| {
    ///     scope.spawn("worker", "works", |cx| Ok(assert_eq!(cx.path(), "/app/worker")))?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn path(&self) -> &str {
        self.record().path()
    }

    /// Returns the thread's id, which is never used twice in a process.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let worker = scope.spawn("worker", "works", |cx| Ok(cx.id()))?;
    ///     let id = worker.id();
    ///     assert_eq!(worker.join()?, id);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn id(&self) -> ThreadId {
        self.record().id
    }

    /// Notes what the thread is working on: "item 17", a URL. The note is shown in the dump, and is
    /// in the [`notes`](Failure::notes) of failures from now on. The next note takes its place. A
    /// context that was kept from an earlier run or job has no effect.
    ///
    /// ```
    /// # fn read(_: &str) -> homebound::Result { Err("no such file".into()) }
    /// let error = homebound::scope(|scope| {
    ///     scope.spawn("reader", "reads pages", |cx| {
    ///         for page in ["a.html", "b.html"] {
    ///             cx.note(page);
    ///             read(page)?;
    ///         }
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// })
    /// .unwrap_err();
    /// assert_eq!(error.first().unwrap().notes(), ["a.html"]);
    /// ```
    pub fn note(&self, text: impl IntoText) {
        let text = Some(text.into());
        // Drop the other note after the lock is free, because it may be a large `String`. Asked
        // under the lock: a run or job that ends meanwhile clears the note under it, later.
        let _other = self.record().life(|life| if self.is_outdated() { text } else { life.set_note(text) });
        self.record().touch_job();
    }

    /// Says that the thread is ready: for a thread whose starter waits for that word. In the body
    /// of a [`run`](crate::run()) the program is ready: before this returns, the service manager is
    /// told ([`Registry::notify`](crate::Registry::notify)), and the [probe
    /// file](crate::Registry::probe_file) is made.
    ///
    /// On other threads, and on a context that is stopping, it has no effect. A thread that is
    /// started by [`ThreadBuilder::start`](crate::ThreadBuilder::start) says so by its `Ready`
    /// instead.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.service("cache", "drops old entries", |cx| {
    ///         cx.ready(); // nobody waits for it here, which is fine
    ///         Ok(drop(cx.wait_for_stop()))
    ///     })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn ready(&self) {
        // The context of an earlier run is stopping, and must not speak for the present one.
        if !self.node().is_stopping() {
            let _unless_too_late = self.record().set_ready(Word::Context);
            if self.record().role == Role::Body && self.core().parent.is_none() {
                let _a_host_that_listens = self.core().root.said(Said::Ready);
            }
        }
    }

    /// Says in a few words how the program is: in the head of each dump, and for people who ask its
    /// service manager (`systemctl status`), if the run has one
    /// ([`Registry::notify`](crate::Registry::notify)). There the text stands behind the threads
    /// that a stop waits for.
    ///
    /// Replaces the text before it, from whatever thread. Does not wait for the manager. Control
    /// characters are escaped, and the manager gets about 900 bytes at most. For the state of one
    /// thread see [`note`](Self::note).
    ///
    /// ```
    /// homebound::run(|scope| {
    ///     scope.context().status("warms up: 3 of 10 caches");
    ///     scope.context().ready();
    ///     scope.context().status("serves");
    ///     Ok(assert!(scope.dump_status().contains("status: serves")))
    /// })
    /// .into_result()?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn status(&self, text: impl IntoText) {
        self.core().root.set_status(text.into());
    }

    /// Returns the number of the run that this context belongs to: 1 for the first, and for a
    /// thread that runs once. See [`ThreadBuilder::restart`](crate::ThreadBuilder::restart).
    ///
    /// ```
    /// use homebound::Restart;
    ///
    /// homebound::scope(|scope| {
    ///     assert_eq!(scope.context().run_number(), 1);
    ///     let feed = scope.thread("feed", "reads").restart(Restart::on_failure());
    ///     let runs = feed.spawn(|cx| match cx.run_number() {
    ///         1 => Err("a dead line")?,
    ///         run => Ok(run),
    ///     })?;
    ///     assert_eq!(runs.join()?, 2);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn run_number(&self) -> u64 {
        let runs = self.record().traits.runs.as_ref();
        runs.and_then(|runs| runs.number_of(self.node().base())).unwrap_or(1)
    }

    /// Lists a failure of this thread, which goes on: for callbacks, which have no caller to return
    /// an error to. Never blocks.
    ///
    /// The scope is stopped as if the closure had returned the error; if the thread is isolated,
    /// its scope lists the failure and is not stopped. In snapshots and reports the thread has
    /// *failed*. An error that is the thread's own stop is no failure. An error that carries only
    /// failures which are listed already is not listed again.
    ///
    /// Returns false if the scope is over, so that no list is left for the failure; and if the run
    /// or job to which this context belongs is over, because its end was judged, and another one
    /// may be on. In any case the failure is logged, at ERROR.
    ///
    /// ```
    /// let error = homebound::scope(|scope| {
    ///     let cx = scope.context().clone();
    ///     let callback = move |code: i32| {
    ///         if code < 0 {
    ///             cx.fail(format!("the device says {code}"));
    ///         }
    ///     };
    ///     callback(-5); // as a C library would
    ///     Ok(())
    /// })
    /// .unwrap_err();
    /// assert!(error.first().unwrap().to_string().ends_with("the device says -5"));
    /// ```
    pub fn fail(&self, error: impl Into<BoxError>) -> bool {
        let (record, happened) = (self.record(), Happened::now());
        let (node, stops) = (self.node().base(), !record.is_isolated() && !self.is_outdated());
        // Stop the scope before the error is searched for failures, because its `source` is code of
        // the program, and may block.
        let calls = record.core.stop_before_judging(node, record.path(), stops);
        let listed = match classify(error.into(), node, &record.core) {
            ErrorClass::Stopped(_) | ErrorClass::Listed(_) => true,
            ErrorClass::Failure(error, ids) => {
                self.list_and_log(Failure::error_at(happened, record.origin(), error, ids))
            }
        };
        calls.run();
        listed
    }

    /// As [`fail`](Self::fail), with the payload of a panic: for a `catch_unwind` around a
    /// callback, or a pool's `panic_handler`. The place of the panic is known if it was on this
    /// thread, inside a scope.
    ///
    /// ```
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    ///
    /// let error = homebound::scope(|scope| {
    ///     let callback = || panic!("the callback is broken");
    ///     if let Err(payload) = catch_unwind(AssertUnwindSafe(callback)) {
    ///         scope.context().fail_panic(payload);
    ///     }
    ///     Ok(())
    /// })
    /// .unwrap_err();
    /// assert!(error.to_string().contains("the callback is broken"));
    /// ```
    pub fn fail_panic(&self, payload: Box<dyn Any + Send>) -> bool {
        let place = panic_hook::place(&payload);
        self.list_and_log(Failure::panic(self.record().origin(), payload, place))
    }

    /// Judges the end of a part of the thread's work, as the end of a thread is judged. A failure
    /// is logged, and its row says *failed*; it is not listed: the caller knows when it counts.
    pub(crate) fn judge_part<T>(&self, ran: Result<Result<T>, Payload>) -> Result<T, PartEnd> {
        let record = self.record();
        let failure = match ran {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => {
                let happened = Happened::now();
                match classify(error, &record.node, &record.core) {
                    ErrorClass::Stopped(cause) => return Err(PartEnd::Stopped(Stopped::new(cause))),
                    ErrorClass::Listed(failure) => return Err(PartEnd::Failed(failure)),
                    ErrorClass::Failure(error, ids) => {
                        Failure::error_at(happened, record.origin(), error, ids)
                    }
                }
            }
            Err(payload) => {
                let place = panic_hook::place(&payload);
                Failure::panic(record.origin(), payload, place)
            }
        };
        record.life(|life| life.failed = true);
        log(&failure);
        Err(PartEnd::Failed(failure))
    }

    /// Lists the failure and stops the scope before the failure is logged, because the subscriber
    /// is code of the program's.
    fn list_and_log(&self, failure: Failure) -> bool {
        let record = self.record();
        // Asked under the lock, as in `note`.
        let speaks = record.life(|life| {
            let speaks = !self.is_outdated();
            life.failed |= speaks;
            speaks
        });
        record.touch_job();
        let listed = speaks && record.core.fail(&failure, !record.is_isolated());
        log(&failure);
        listed
    }
}

/// How a part of a thread's work ended without a value.
pub(crate) enum PartEnd {
    Failed(Failure),
    Stopped(Stopped),
}
