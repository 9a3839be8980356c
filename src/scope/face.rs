//! Owns the public face of a scope: how its body starts threads, what they may use, and scopes
//! inside.
//! Refuses to run the body, which `run` does, to stop the scope, which `stopping` does, and to know
//! the process, which `registry` does.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use crate::outcome::errors::error::SpawnError;
use crate::outcome::errors::failure::ScopeError;
use crate::outcome::status::snapshot::Role;
use crate::rt::erase::Lease;
use crate::rt::packet::Packet;
use crate::rt::result::Result;
use crate::shutdown::deferred;
use crate::thread::builder::{ThreadBuilder, label};
use crate::thread::context::Context;
use crate::thread::handle::Handle;
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::record::{Label, Record};
use crate::tree::state::{Deferred, KeptValue, Phase};
use crate::tree::text::IntoText;
use crate::tree::traits::Traits;

/// The owner of threads. The call that opened a scope returns when all of its threads are home.
///
/// [`scope`](crate::scope()) and [`registry::run`](crate::registry::run) open a scope and give it
/// to their closure, the body. A [`Group`](crate::Group) is a scope without a body.
///
/// | a thread by | ends | is told to stop |
/// |---|---|---|
/// | [`spawn`](Self::spawn): a worker | by itself | when the scope stops |
/// | [`service`](Self::service) | when it is told to | when the body and the workers are home |
/// | [`thread`](Self::thread) | as configured: see the table of [`ThreadBuilder`] | |
///
/// For the two lifetimes see [`scope`](crate::scope()).
///
/// ```
/// homebound::scope(|scope| {
///     let (jobs, queue) = homebound::channel::unbounded();
///     scope.service("log", "prints what it is sent", move |cx| {
///         Ok(cx.drain(&queue).for_each(|line: String| println!("{line}")))
///     })?;
///     for number in 1..=3 {
///         let jobs = jobs.clone();
///         scope.spawn("worker", "does a part of the work", move |_| {
///             Ok(jobs.send(format!("part {number} is done"))?)
///         })?;
///     }
///     Ok(()) // the workers come home first, then the log
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    core: Arc<ScopeCore>,
    context: Context,
    lease: Lease<'scope>,
    _env: PhantomData<&'env ()>,
}

impl<'scope> Scope<'scope, '_> {
    pub(crate) fn of(core: &Arc<ScopeCore>, lease: Lease<'scope>) -> Self {
        let label = Label { name: core.name.clone(), purpose: "body".into(), at: core.at };
        let record = Record::new(label, Role::Body, core, Arc::clone(&core.node), Traits::default());
        // The body shares the vitals of the thread that runs it, because a sign of progress in the
        // body is one of that thread.
        if let Some(vitals) = core.runner.as_ref().and_then(|runner| runner.vitals()) {
            record.set_vitals(Arc::clone(vitals));
        }
        let context = Context::of(&record);
        Scope { core: Arc::clone(core), context, lease, _env: PhantomData }
    }

    pub(crate) fn lease(&self) -> Lease<'scope> {
        self.lease
    }

    pub(crate) fn core(&self) -> &Arc<ScopeCore> {
        &self.core
    }
}

/// # Threads, and what they may use
impl<'scope, 'env> Scope<'scope, 'env> {
    /// Spawns a worker. `spawn` is for threads that end by themselves, [`service`](Self::service)
    /// for threads that end when they are told to.
    ///
    /// The name is what `ps`, panics and paths show; Linux cuts it to 15 bytes. If the worker
    /// fails, the scope is stopped. A closure that loops until `?` ends it has to name the type of
    /// its value: `|cx| -> homebound::Result { loop { .. } }`.
    ///
    /// ```
    /// let text = String::from("to be or not to be");
    /// let words = homebound::scope(|scope| {
    ///     let words = scope.spawn("words", "counts the words", |_| Ok(text.split(' ').count()))?;
    ///     Ok(words.join()?)
    /// })?;
    /// assert_eq!(words, 6);
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`SpawnError::Stopped`] when the scope is stopping or its workers are home,
    /// [`SpawnError::Os`] when the system refuses a thread, [`SpawnError::InvalidName`]. The
    /// closure has then been dropped.
    #[track_caller]
    pub fn spawn<T, F>(
        &self,
        name: impl IntoText,
        purpose: impl IntoText,
        f: F,
    ) -> Result<Handle<'scope, T>, SpawnError>
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        self.thread(name, purpose).spawn(f)
    }

    /// Spawns a service. It is told to stop when the body and the workers are home; services that
    /// were spawned later are told first.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     scope.service("clock", "ticks until it is told to stop", |cx| {
    ///         Ok(cx.ticks(Duration::from_secs(1)).for_each(|_| println!("tick")))
    ///     })?;
    ///     scope.spawn("work", "ends by itself", |_| Ok(()))?;
    ///     Ok(()) // the clock is told to stop when the work is done
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn service<F>(
        &self,
        name: impl IntoText,
        purpose: impl IntoText,
        f: F,
    ) -> Result<Handle<'scope, ()>, SpawnError>
    where
        F: FnOnce(&Context) -> Result + Send + 'scope,
    {
        self.thread(name, purpose).service(f)
    }

    /// Configures a thread before it is started: see [`ThreadBuilder`].
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let parser = scope.thread("parser", "parses a file of a user").isolated();
    ///     let parser = parser.spawn(|_| Ok("12".parse::<u8>()?))?;
    ///     assert_eq!(parser.join()?, 12);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn thread(&self, name: impl IntoText, purpose: impl IntoText) -> ThreadBuilder<'scope> {
        ThreadBuilder::new(&self.core, self.lease, label(name, purpose))
    }

    /// Returns the context of the scope's body: for waits in the body.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let (send, receive) = homebound::channel::bounded(1);
    ///     scope.spawn("worker", "sends one number", move |_| Ok(send.send(5)?))?;
    ///     assert_eq!(scope.context().recv(&receive)?, 5);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Runs `f` after all threads of this scope have been joined; the last deferred function runs
    /// first. An error or a panic of `f` is a failure of the scope.
    ///
    /// ```
    /// use std::sync::Mutex;
    ///
    /// let order = Mutex::new(Vec::new());
    /// let note = |word| order.lock().unwrap().push(word);
    /// homebound::scope(|scope| {
    ///     scope.defer("remove", || Ok(note("removed")));
    ///     scope.spawn("worker", "uses the folder", |_| Ok(note("used")))?;
    ///     Ok(())
    /// })?;
    /// assert_eq!(order.into_inner().unwrap(), ["used", "removed"]);
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn defer(&self, name: impl IntoText, f: impl FnOnce() -> Result + Send + 'scope) {
        // Erased under the lease of the scope: `settle` runs or drops it before `'scope` ends (E4).
        let task = self.lease.erase(Packet::new(move |(): &()| f()));
        let deferred = Deferred { name: name.into(), at: Location::caller(), task };
        let mut state = self.core.lock();
        if state.phase == Phase::Settled {
            drop(state);
            // Only the owner of a group that outlived its scope gets here. Run the function late,
            // because the owner expects it to run.
            deferred::run(deferred, &self.core);
        } else {
            state.deferred.push(deferred);
        }
    }

    /// Moves `value` into the scope, and lends it to all that the scope runs: a local of the body
    /// that threads of this very scope may borrow.
    ///
    /// The value is dropped when the threads are home, the deferred functions have run, and results
    /// that nobody took are dropped; of several values the last is dropped first. A panic of its
    /// `Drop` is a failure of the scope. The value may not borrow, so one kept value cannot refer
    /// to another.
    ///
    /// A group can be asked only if it is leaked or in a `static`, because the group must live as
    /// long as the scope around it. Then the value is leaked, too.
    ///
    /// ```
    /// use std::sync::Mutex;
    ///
    /// let count = homebound::scope(|scope| {
    ///     let found = scope.keep(Mutex::new(Vec::new())); // instead of a local of this body
    ///     let add = |folder| Ok(found.lock().unwrap().push(folder));
    ///     let walker = scope.spawn("bin", "walks a folder", move |_| add("bin"))?;
    ///     scope.spawn("lib", "walks a folder", move |_| add("lib"))?.join()?;
    ///     walker.join()?;
    ///     Ok(found.lock().unwrap().len())
    /// })?;
    /// assert_eq!(count, 2);
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn keep<T: Send + 'static>(&'scope self, value: T) -> &'scope T {
        if self.core.kind == Kind::Group {
            // A group is settled before the scope around it, for which `'scope` goes on.
            return Box::leak(Box::new(value));
        }
        let (lent, value) = self.lease.keep(value);
        self.core.lock().kept.push(KeptValue { value, at: Location::caller() });
        lent
    }

    /// Opens a scope inside this one, on the calling thread. Its threads may borrow locals of this
    /// body.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let parts = vec![1, 2, 3]; // a local of this body
    ///     let sum = scope.subscope("sum", |inner| {
    ///         let adder = inner.spawn("adder", "adds", |_| Ok(parts.iter().sum::<i32>()))?;
    ///         Ok(adder.join()?)
    ///     })?;
    ///     assert_eq!(sum, 6);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`scope`](crate::scope()).
    ///
    /// # Panics
    /// As [`scope`](crate::scope()).
    #[track_caller]
    pub fn subscope<'sub, T, F>(&self, name: impl IntoText, body: F) -> Result<T, ScopeError>
    where
        F: for<'inner> FnOnce(&'inner Scope<'inner, 'sub>) -> Result<T>,
    {
        self.context.subscope(name, body)
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("path", &self.core.path())
            .field("stopping", &self.is_stopping())
            .finish_non_exhaustive()
    }
}
