//! Owns the configuration of a pool that is not started yet.
//! Refuses to start a thread: the first job does.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::handle::Pool;
use super::line::Line;
use super::shared::Shared;
use crate::scope::group::open_pool;
use crate::shutdown::left::put_away_pools;
use crate::{AtStop, Context, IntoText, Priority, Scope, SpawnError, ThreadBuilder};

/// Places in the queue of a pool for which no number was given: enough for short bursts, and few
/// enough that a caller that submits faster than the pool works is soon held up.
const PLACES: usize = 64;

/// Configures a pool before it is started. From [`Scope::pool`] or [`Context::pool`].
///
/// ```
/// use homebound::AtStop;
///
/// homebound::scope(|scope| {
///     let thumbs = scope.pool("thumbs", "makes small pictures");
///     let thumbs = thumbs.threads(4).queue(16).at_stop(AtStop::Drain).start()?;
///     assert_eq!(thumbs.status().threads, 0); // the first job starts the first thread
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
///
/// A builder is invariant in `'scope`, so that no shorter-lived job gets into the pool of a longer
/// scope.
#[must_use = "a builder opens no pool until .start()"]
pub struct PoolBuilder<'scope> {
    /// How each thread is made. Its name is the pool's.
    thread: ThreadBuilder<'scope>,
    /// Number of threads of the root that can run at once: by its processors, and by the quota of
    /// the process.
    cores: usize,
    threads: usize,
    places: usize,
    at_stop: AtStop,
}

/// # Pools
impl<'scope> Scope<'scope, '_> {
    /// Configures a pool: threads that run jobs, one after the other, from a queue with a bound.
    /// Jobs may borrow what threads of the scope may borrow.
    ///
    /// The scope waits for the jobs as it does for its workers. `docs/WORK.md` says when a pool is
    /// the wrong choice.
    ///
    /// ```
    /// let names = ["a.png", "b.png"];
    /// let sizes = homebound::scope(|scope| {
    ///     let pool = scope.pool("sizes", "measures files").threads(2).start()?;
    ///     let cx = scope.context();
    ///     let jobs = names.iter().map(|name| pool.submit(cx, move |_| Ok(name.len())));
    ///     let jobs = jobs.collect::<Result<Vec<_>, _>>()?;
    ///     Ok(jobs.into_iter().map(|job| job.join()).collect::<Result<Vec<_>, _>>()?)
    /// })?;
    /// assert_eq!(sizes, [5, 5]);
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn pool(&self, name: impl IntoText, purpose: impl IntoText) -> PoolBuilder<'scope> {
        PoolBuilder::new(self.thread(name, purpose))
    }
}

/// # Pools
impl Context {
    /// Configures a pool in the scope of this thread: see [`Scope::pool`]. Its jobs borrow nothing.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     scope.service("server", "answers requests", |cx| {
    ///         let requests = cx.pool("requests", "answer one request each").threads(4).start()?;
    ///         requests.execute(cx, |_| Ok(println!("hello")))?;
    ///         cx.wait_for_stop();
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn pool(&self, name: impl IntoText, purpose: impl IntoText) -> PoolBuilder<'static> {
        PoolBuilder::new(self.thread(name, purpose))
    }
}

impl<'scope> PoolBuilder<'scope> {
    fn new(thread: ThreadBuilder<'scope>) -> Self {
        // Not asked for here, because the calling thread may be on few cores.
        let cores = thread.place().0.root.cache.width;
        PoolBuilder { thread, cores, threads: cores, places: PLACES, at_stop: AtStop::Drop }
    }

    /// Sets the number of threads that the pool may have; 0 counts as 1. Without this, as many as
    /// can run at once in the root ([`std::thread::available_parallelism`] as the root began). A
    /// thread is started when a job comes and no thread is idle.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("writer", "writes one file at a time").threads(1).start()?;
    ///     pool.execute(scope.context(), |_| Ok(()))?;
    ///     assert!(pool.status().threads <= 1);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets the number of jobs that the queue holds, besides a job for each idle thread. Without
    /// this, 64. With 0 a job is handed to a thread that has none, or waits for one.
    ///
    /// ```
    /// use homebound::SubmitError;
    ///
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("hand", "takes what it can hold").threads(1).queue(0).start()?;
    ///     let busy = pool.submit(scope.context(), |cx| Ok(cx.wait_for_stop()))?;
    ///     assert!(matches!(pool.try_submit(|_| Ok(())), Err(SubmitError::Full)));
    ///     busy.stop();
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn queue(mut self, places: usize) -> Self {
        self.places = places;
        self
    }

    /// Sets what becomes of queued jobs when the pool is told to stop. Without this,
    /// [`AtStop::Drop`].
    ///
    /// ```
    /// use homebound::{AtStop, JoinError};
    ///
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("slow", "works").threads(1).at_stop(AtStop::Drop).start()?;
    ///     let (tell, begun) = homebound::channel::bounded(1);
    ///     let running = pool.submit(scope.context(), move |cx| {
    ///         tell.send(())?;
    ///         Ok(cx.wait_for_stop())
    ///     })?;
    ///     scope.context().recv(&begun)?;
    ///     let queued = pool.submit(scope.context(), |_| Ok(()))?;
    ///     pool.stop();
    ///     running.join()?;
    ///     assert!(matches!(queued.join(), Err(JoinError::Dropped)));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn at_stop(mut self, at_stop: AtStop) -> Self {
        self.at_stop = at_stop;
        self
    }

    /// Sets the size of each thread's stack, in bytes, as
    /// [`ThreadBuilder::stack_size`](crate::ThreadBuilder::stack_size) does.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let parsers = scope.pool("parsers", "descend deep").stack_size(8 << 20).start()?;
    ///     assert_eq!(parsers.submit(scope.context(), |_| Ok(1))?.join()?, 1);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.thread = self.thread.stack_size(bytes);
        self
    }

    /// Sets the priority of each thread, as
    /// [`ThreadBuilder::priority`](crate::ThreadBuilder::priority) does.
    ///
    /// ```
    /// use homebound::Priority;
    ///
    /// homebound::scope(|scope| {
    ///     let index = scope.pool("index", "reads files").priority(Priority::Background).start()?;
    ///     index.submit(scope.context(), |_| Ok(()))?.join()?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn priority(mut self, priority: Priority) -> Self {
        self.thread = self.thread.priority(priority);
        self
    }

    /// Opens the pool. No thread is started yet. Puts away pools of the same scope that are over.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let pool = scope.pool("adders", "add numbers").start()?;
    ///     assert_eq!(pool.submit(scope.context(), |_| Ok(1 + 2))?.join()?, 3);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`SpawnError::InvalidName`] for an empty name or one with NUL; [`SpawnError::Stopped`] if
    /// the scope is stopping or finishing.
    pub fn start(self) -> Result<Pool<'scope>, SpawnError> {
        let PoolBuilder { thread, cores, threads, places, at_stop } = self;
        let (parent, lease, label) = thread.place();
        // Pools whose last handle is gone, and whose threads are home, leave the tree here, so that
        // a scope which opens many pools one after the other does not grow.
        put_away_pools(parent);
        // Refused like a spawn if the scope is stopping or over. Nothing is to be undone then,
        // because no thread was started.
        let (group, facts) = open_pool(parent, lease, label.clone())?;
        let line = Line::new(places, threads, at_stop == AtStop::Drain, cores, facts, Arc::downgrade(parent));
        // Released, because the scope owns the pool: the drop of the last handle does not wait.
        let (group, handles) = (group.release(), AtomicUsize::new(1));
        Ok(Pool::of(Arc::new(Shared { line, group, thread, at_stop, handles })))
    }
}

impl fmt::Debug for PoolBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("thread", &self.thread)
            .field("threads", &self.threads)
            .field("queue", &self.places)
            .field("at_stop", &self.at_stop)
            .finish()
    }
}
