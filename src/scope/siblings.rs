//! Owns the threads that a context brings into its scope: siblings of its own thread, and foreign
//! threads.
//! Refuses to start or admit them: `thread` does.

use crate::outcome::error::SpawnError;
use crate::rt::erase::Lease;
use crate::rt::result::Result;
use crate::thread::adopt::{self, Adopted};
use crate::thread::builder::{ThreadBuilder, label};
use crate::thread::context::Context;
use crate::thread::handle::Handle;
use crate::tree::text::IntoText;

/// # Threads
impl Context {
    /// Spawns a sibling of this thread: a worker of the scope that it is in. See [`Scope::spawn`](crate::Scope::spawn).
    ///
    /// # Errors
    /// As there.
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

    /// Spawns a service of the scope that this thread is in. See [`Scope::service`](crate::Scope::service).
    ///
    /// # Errors
    /// As there.
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

    /// A sibling of this thread, with more to be said about it.
    #[track_caller]
    pub fn thread(&self, name: impl IntoText, purpose: impl IntoText) -> ThreadBuilder<'static> {
        ThreadBuilder::new(self.core(), Lease::promise(), label(name, purpose))
    }

    /// Takes the calling thread, which homebound did not start, into the scope of this context, as a worker: the scope waits for it, until
    /// the returned guard drops.
    ///
    /// A service must not do so with threads of its own (those of a library's runtime, of a toolkit): they end when the service ends,
    /// the service is told when all workers are home, and they are workers. That hangs until the grace is over. They are guests:
    /// [`adopt_guest`](Self::adopt_guest).
    #[track_caller]
    pub fn adopt(&self, name: impl IntoText, purpose: impl IntoText) -> Adopted {
        adopt::adopt(self.core(), label(name, purpose))
    }

    /// Shows the calling thread, which homebound did not start, in the scope of this context, and lets it hear the stop, when the thread to
    /// which this context belongs does. Nobody waits for it: it is counted in [`ShutdownReport::guests`](crate::ShutdownReport::guests),
    /// outside of `total`.
    ///
    /// The stay ends when the guard drops, and with the scope. After that [`current`](crate::current()) is `None` on this thread, so that what it
    /// opens later is not born stopped. A scope that is opened on a guest's thread is a root of its own: it joins its threads, its
    /// host does not wait for it; it is stopped with the guest, and shown below it. A group that is opened there, and a thread that is
    /// spawned through its context, are the host's.
    ///
    /// ```
    /// use std::thread;
    ///
    /// homebound::scope(|scope| {
    ///     let service = scope.service("runtime", "owns threads of its own", |cx| {
    ///         let hook = cx.clone();
    ///         // As a library does that has a hook for what its threads run first.
    ///         let inner = thread::spawn(move || {
    ///             let guest = hook.adopt_guest("runtime-1", "runs tasks");
    ///             guest.wait_for_stop();
    ///         });
    ///         cx.wait_for_stop();
    ///         inner.join().map_err(|_| "it panicked")?;
    ///         Ok(())
    ///     })?;
    ///     Ok(drop(service))
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn adopt_guest(&self, name: impl IntoText, purpose: impl IntoText) -> Adopted {
        adopt::take_in(self, label(name, purpose))
    }
}
