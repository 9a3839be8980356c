//! Owns what a context adds to its scope: siblings of its own thread, foreign threads, groups, and
//! scopes inside.
//! Refuses to start or admit them: `thread`, `group` and `run` do.
//!
//! `spawn`, `service` and `thread` have the signatures of `Scope` with `'static` for `'scope`, each
//! where the page shows it. The common part of both is in one place, `ThreadBuilder`.

use std::panic::Location;

use crate::outcome::errors::error::SpawnError;
use crate::outcome::errors::failure::ScopeError;
use crate::rt::erase::Lease;
use crate::rt::result::Result;
use crate::scope::face::Scope;
use crate::scope::group::{Group, open_static};
use crate::scope::run::{enter, open};
use crate::thread::adopt::{self, Adopted};
use crate::thread::builder::{ThreadBuilder, label};
use crate::thread::context::{Context, current};
use crate::thread::handle::Handle;
use crate::tree::text::IntoText;

/// # Threads
impl Context {
    /// Spawns a sibling of this thread: a worker of the scope that the thread is in, which waits
    /// for it. The closure may borrow nothing. See [`Scope::spawn`](crate::Scope::spawn).
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.spawn("walker", "starts a thread for each folder", |cx| {
    ///         for folder in ["bin", "lib"] {
    ///             cx.spawn("reader", "reads a folder", move |_| Ok(println!("{folder}")))?;
    ///         }
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Scope::spawn`](crate::Scope::spawn).
    #[track_caller]
    pub fn spawn<T, F>(
        &self,
        name: impl IntoText,
        purpose: impl IntoText,
        f: F,
    ) -> Result<Handle<'static, T>, SpawnError>
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.thread(name, purpose).spawn(f)
    }

    /// Spawns a service of the scope that this thread is in. See
    /// [`Scope::service`](crate::Scope::service).
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let start = |cx: &homebound::Context| {
    ///         cx.service("cache", "drops old entries", |cx| Ok(drop(cx.wait_for_stop())))
    ///     };
    ///     start(scope.context())?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Scope::spawn`](crate::Scope::spawn).
    #[track_caller]
    pub fn service<F>(
        &self,
        name: impl IntoText,
        purpose: impl IntoText,
        f: F,
    ) -> Result<Handle<'static, ()>, SpawnError>
    where
        F: FnOnce(&Context) -> Result + Send + 'static,
    {
        self.thread(name, purpose).service(f)
    }

    /// Configures a sibling of this thread before it is started: see [`ThreadBuilder`].
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.spawn("parent", "starts a helper with a large stack", |cx| {
    ///         let helper = cx.thread("helper", "parses deep input").stack_size(8 << 20);
    ///         Ok(helper.spawn(|_| Ok(()))?.join()?)
    ///     })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn thread(&self, name: impl IntoText, purpose: impl IntoText) -> ThreadBuilder<'static> {
        ThreadBuilder::new(self.core(), Lease::promise(), label(name, purpose))
    }

    /// Takes the calling thread, which homebound did not start, into the scope of this context, as
    /// a worker. The scope waits for the thread until the returned guard drops.
    ///
    /// A service must not adopt threads of its own (the threads of a library's runtime, of a
    /// toolkit). Such threads end when the service ends, and the service is told to stop when all
    /// workers are home, so the scope would hang until the grace is over. These threads are guests:
    /// [`adopt_guest`](Self::adopt_guest).
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let cx = scope.context().clone();
    ///     let library = std::thread::spawn(move || {
    ///         let stay = cx.adopt("callback", "runs a callback of a library");
    ///         stay.checkpoint().is_ok() // the stop reaches this thread now
    ///     });
    ///     assert!(library.join().expect("it does not panic"));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn adopt(&self, name: impl IntoText, purpose: impl IntoText) -> Adopted {
        adopt::adopt(self.core(), label(name, purpose))
    }

    /// Shows the calling thread, which homebound did not start, in the scope of this context. The
    /// guest is told to stop when the thread of this context is. The scope does not wait for the
    /// guest, and counts it in [`ShutdownReport::guests`](crate::ShutdownReport::guests), outside
    /// of `total`.
    ///
    /// The stay ends when the guard drops, and with the scope. After that
    /// [`current`](crate::current()) is `None` on this thread, so that a scope that is opened later
    /// is not born stopped. A scope that is opened on a guest's thread is a root of its own: it
    /// joins its threads, the host does not wait for it; it is stopped with the guest, and shown
    /// below it. A group that is opened there, and a thread that is spawned through the guest's
    /// context, belong to the host.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.service("runtime", "owns threads of its own", |cx| {
    ///         let hook = cx.clone();
    ///         // As a library does that has a hook for what its threads run first.
    ///         let inner = std::thread::spawn(move || {
    ///             let guest = hook.adopt_guest("runtime-1", "runs tasks");
    ///             guest.wait_for_stop();
    ///         });
    ///         cx.wait_for_stop();
    ///         inner.join().map_err(|_| "it panicked")?;
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn adopt_guest(&self, name: impl IntoText, purpose: impl IntoText) -> Adopted {
        adopt::take_in(self, label(name, purpose))
    }

    /// Opens a group in the scope that this thread is in. A struct without a lifetime can own it.
    ///
    /// ```
    /// use homebound::{Context, Group, SpawnError};
    ///
    /// struct Cache {
    ///     threads: Group<'static>,
    /// }
    ///
    /// fn cache(cx: &Context) -> Result<Cache, SpawnError> {
    ///     let threads = cx.group("cache")?;
    ///     threads.service("sweeper", "drops old entries", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     Ok(Cache { threads })
    /// }
    ///
    /// homebound::scope(|scope| Ok(cache(scope.context())?.threads.close()?))?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Scope::group`](crate::Scope::group).
    #[track_caller]
    pub fn group(&self, name: impl IntoText) -> Result<Group<'static>, SpawnError> {
        open_static(Some(self.core()), name.into(), Location::caller())
    }

    /// Opens a scope with a name, on the calling thread. Its threads may borrow locals of the
    /// caller.
    ///
    /// The scope is below the calling thread if this is the thread's own context or that of a scope
    /// around the thread; else it is below the thread that this context belongs to.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.spawn("reader", "counts words", |cx| {
    ///         let text = String::from("a shop and a till");
    ///         let words = cx.subscope("count", |inner| {
    ///             let words = inner.spawn("words", "splits", |_| Ok(text.split(' ').count()))?;
    ///             Ok(words.join()?)
    ///         })?;
    ///         Ok(assert_eq!(words, 5))
    ///     })?;
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
    pub fn subscope<'env, T, F>(&self, name: impl IntoText, body: F) -> Result<T, ScopeError>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
    {
        let around = current();
        let core = open(name.into(), Location::caller(), Some(self), around.as_ref());
        enter(&core, body)
    }
}
