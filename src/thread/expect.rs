//! Owns what a thread says of itself to the health looks of its registry: how often it makes
//! progress, that it makes some, that it may take longer this once.
//! Refuses to look: `sight::health` does.

use std::panic::Location;
use std::time::Duration;

use crate::sight::health::looks::Looks;
use crate::thread::builder::ThreadBuilder;
use crate::thread::context::Context;

/// The shortest expectation: below, the looks would cost more than they tell.
const SHORTEST: Duration = Duration::from_millis(10);

impl ThreadBuilder<'_> {
    /// Says that the thread makes progress at least this often, so that the registry's
    /// [health](crate::Registry::health) finds it if it does not: a loop that computes for ever, a
    /// wait for a peer that is dead.
    ///
    /// A sign of progress is a [`checkpoint`](Context::checkpoint), the beginning and the end of a
    /// wait of the context's, or a [`beat`](Context::beat). Waits count: a wait that takes longer
    /// is an alarm, which names the wait and its line. A look at
    /// [`is_stopping`](Context::is_stopping) is no sign of progress. A thread without a sign is
    /// *stuck*, after a second look that makes sure: half of this duration later, or one
    /// [`look_every`](crate::registry::Health::look_every) if that is shorter. Only a thread that
    /// got no processor meanwhile is not. This holds instead of the limits of
    /// [`Health`](crate::registry::Health).
    ///
    /// The looks are the registry's; without [`Registry::health`](crate::Registry::health) they are
    /// about such threads alone, and an alarm is logged. A standalone scope has none. From the
    /// moment at which the thread is told to stop, its grace is the limit. Shorter than 10 ms
    /// counts as 10 ms. See also [`Context::patience`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// homebound::Registry::new("search").run(|scope| {
    ///     let indexer = scope.thread("indexer", "reads new files");
    ///     indexer.expect_every(Duration::from_secs(30)).spawn(|cx| {
    ///         for _file in 0..1_000 {
    ///             cx.checkpoint()?; // one file takes far less than 30 s
    ///         }
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// }).into_result()?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn expect_every(mut self, progress: Duration) -> Self {
        self.expect_every = Some((progress.max(SHORTEST), Looks::at_expecting));
        self
    }
}

/// ## Signs of progress
impl Context {
    /// Says that the thread makes progress, if it has said what to expect of it: see
    /// [`ThreadBuilder::expect_every`](crate::ThreadBuilder::expect_every). Costs a read of the
    /// clock there, and next to nothing in any other thread.
    ///
    /// Call it where a piece of work is done, not from a timer: a beat that comes by itself says
    /// nothing about the work. A context that is used on another thread beats for the thread to
    /// which it belongs, until that thread is at another run or job.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let sums = scope.thread("sums", "adds up files").expect_every(Duration::from_secs(30));
    ///     sums.spawn(|cx| {
    ///         for file in ["a", "b"] {
    ///             std::hint::black_box(file.len());
    ///             cx.beat();
    ///         }
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn beat(&self) {
        self.progress(Location::caller());
    }

    /// Runs `f`, which may take up to `max` without a sign of progress, this once: no alarm of the
    /// registry's [health](crate::Registry::health) is raised about the thread before `max` has
    /// passed. The end of `f` is a sign of progress.
    ///
    /// A patience makes no limit shorter. Inside of another patience the later end holds. If the
    /// process is suspended meanwhile, the time begins anew. A thread that runs another library's
    /// loop, whose waits homebound does not see, has all the time: `Duration::MAX`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// fn vacuum() {} // a call into a C library that may take minutes
    ///
    /// homebound::scope(|scope| {
    ///     let keeper = scope.thread("keeper", "keeps the database small");
    ///     keeper.expect_every(Duration::from_secs(30)).spawn(|cx| {
    ///         cx.patience(Duration::from_secs(300), vacuum);
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn patience<R>(&self, max: Duration, f: impl FnOnce() -> R) -> R {
        self.record().patience(max, f)
    }
}
