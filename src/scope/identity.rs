//! Owns what a thread says of itself while it goes on: what it is at, and what has failed.
//! Refuses to end anything: what follows from a failure is its scope's.

use std::any::Any;

use crate::outcome::failure::{Failure, Happened};
use crate::outcome::status::ThreadId;
use crate::rt::result::BoxError;
use crate::thread::context::Context;
use crate::tree::panic_hook;
use crate::tree::propagate::log;
use crate::tree::text::IntoText;
use crate::tree::verdict::{Verdict, judge};

/// # Identity
impl Context {
    /// The thread's name; in a scope's body, the scope's.
    pub fn name(&self) -> &str {
        &self.record().label.name
    }

    /// What the thread is for.
    pub fn purpose(&self) -> &str {
        &self.record().label.purpose
    }

    /// Scopes and name, `/studio/gui/thumbs`.
    pub fn path(&self) -> &str {
        self.record().path()
    }

    /// The thread's id.
    pub fn id(&self) -> ThreadId {
        self.record().id
    }

    /// Says what the thread is at: "item 17", a URL. It is shown in the dump, and is in the [`notes`](Failure::notes) of what fails
    /// from now on. The next note takes its place.
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
        // Dropped after the lock is free.
        let _earlier = self.record().life(|life| std::mem::replace(&mut life.note, text));
    }

    /// Lists a failure of this thread, which goes on: for callbacks, and for whatever has nobody to return an error to. The scope
    /// is stopped as if the thread had failed by it; if the thread is isolated, its scope lists the failure and is not stopped. In
    /// snapshots and reports the thread has *failed*. Never blocks.
    ///
    /// An error that is the thread's own stop is no failure, and one that carries only failures which are listed is not listed
    /// again.
    ///
    /// False if nobody was left to be told, since the scope is over. In any case it is logged, at ERROR.
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
        // Marked before the error is asked for what it holds: that is the program's code, and may take its time.
        let calls = record.core.stop_before_judging(&record.node, record.path(), !record.isolated);
        let told = match judge(error.into(), &record.node, &record.core) {
            Verdict::Stopped(_) | Verdict::Listed(_) => true,
            Verdict::Failure(error, ids) => {
                self.tell(Failure::error_at(happened, record.origin(), error, ids))
            }
        };
        calls.run();
        told
    }

    /// As [`fail`](Self::fail), with what a panic carried: for a `catch_unwind` around a callback, or a pool's `panic_handler`. Where
    /// the panic was raised is known if it was on this thread, inside a scope.
    pub fn fail_panic(&self, payload: Box<dyn Any + Send>) -> bool {
        let place = panic_hook::place(&payload);
        self.tell(Failure::panic(self.record().origin(), payload, place))
    }

    /// Lists and stops first: what is logged is the program's code.
    fn tell(&self, failure: Failure) -> bool {
        let record = self.record();
        record.life(|life| life.failed = true);
        let told = record.core.fail(&failure, !record.isolated);
        log(&failure);
        told
    }
}
