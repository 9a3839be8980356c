//! Owns a pool of rayon's, and the group whose threads it runs on.
//! Refuses to know how a loop is split, and how a thread is joined: rayon does the one, the group
//! the other.
//!
//! rayon's threads end when nothing holds the `ThreadPool` any more and their work is done. So the
//! pool stands in a slot, and this is its life:
//!
//! ```text
//! empty --(all threads have begun)--> full --(stop of the group: callback)--> empty
//! ```
//!
//! **Invariant:** the slot is emptied only after the group is marked. So a caller that finds the
//! slot empty finds the stop as well.
//!
//! A thread of a scope is home before the destructors of its thread-locals run. Here the group is
//! settled after them: each thread keeps a sender in a thread-local that it touches before all
//! others, so that std drops it last, and a deferred function of the group waits until the last
//! sender is gone.
//!
//! **Invariant:** the callback, and not the drop of [`RayonPool`], ends the threads. A pool that is
//! forgotten is stopped with its scope, as its group is, and nothing hangs.

use std::any::Any;
use std::borrow::Cow;
use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use homebound::channel::{Sender, bounded};
use homebound::{Context, Group, IntoText, OnStop, Result, Scope, ScopeError, SpawnError, Stopped, Stopper};
use parking_lot::Mutex;
use rayon::{ThreadBuilder, ThreadPool, ThreadPoolBuilder};

/// A pool of rayon's whose threads belong to a scope.
///
/// - Its threads are in a group with the pool's name: `/app/ray/ray-0`, `/app/ray/ray-1`.
/// - It ends when it drops, or with its scope, after the body and the workers are home. After
///   `mem::forget` the scope stops it and joins its threads all the same.
/// - Jobs that run at the stop end by themselves; `cx.checkpoint()?` ends them early.
/// - A panic in `rayon::spawn` is a failure of the scope. rayon alone would abort.
///
/// Each thread is dedicated: no other job has used it or will use it, because jobs that panic leave
/// it as it is. A pool is `Sync`. Threads of its scope share it by an `Arc`.
///
/// ```
/// use homebound_rayon::RayonPool;
/// use rayon::prelude::*;
///
/// homebound::scope(|scope| {
///     let pool = RayonPool::new(scope, "ray", "sorts", 2)?;
///     let mut numbers = vec![3, 1, 2]; // a local: `install` returns when the closure has
///     pool.install(|| numbers.par_sort())?;
///     assert_eq!(numbers, [1, 2, 3]);
///     assert_eq!(scope.active_threads().len(), 2);
///     drop(pool); // joins the threads
///     assert_eq!(scope.active_threads().len(), 0);
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[must_use = "dropping a pool ends its threads, and joins them"]
pub struct RayonPool<'scope> {
    // In this order: the group's drop stops it, and the callback that ends the threads must still
    // be registered then.
    group: Group<'scope>,
    pool: Arc<Slot>,
    _empties_the_slot: OnStop,
}

thread_local! {
    /// Set by each thread of a pool as its first step. Its drop is the last that the thread does.
    static HERE: RefCell<Option<Sender<Infallible>>> = const { RefCell::new(None) };
}

/// Filled by `host`, emptied by the callback of the group's stop, read by each call of the pool.
type Slot = Mutex<Option<Arc<ThreadPool>>>;

impl<'scope> RayonPool<'scope> {
    /// Starts a pool of `threads` threads in a group of this scope. 0 is as many as rayon takes by
    /// itself: `RAYON_NUM_THREADS`, or one for each processor.
    ///
    /// Blocks until all threads have begun. The threads are called `name-0`, `name-1` and so on;
    /// Linux shows 15 bytes of that.
    ///
    /// ```
    /// use homebound_rayon::RayonPool;
    ///
    /// homebound::scope(|scope| {
    ///     let _pool = RayonPool::new(scope, "ray", "crunches", 2)?;
    ///     let threads = scope.active_threads();
    ///     assert!(threads.iter().all(|thread| thread.purpose == "crunches"));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Scope::spawn`](homebound::Scope::spawn): the system refuses one of the threads, or the
    /// scope is stopping. The threads that had begun are joined then, and the scope is usable.
    #[track_caller]
    pub fn new(
        scope: &Scope<'scope, '_>,
        name: impl IntoText,
        purpose: impl IntoText,
        threads: usize,
    ) -> Result<RayonPool<'scope>, SpawnError> {
        RayonPool::with_builder(scope, name, purpose, ThreadPoolBuilder::new().num_threads(threads))
    }

    /// As [`new`](Self::new), in the scope that the thread of `cx` is in: for a struct without a
    /// lifetime.
    ///
    /// ```
    /// use homebound::{Context, SpawnError};
    /// use homebound_rayon::RayonPool;
    ///
    /// struct Codec {
    ///     pool: RayonPool<'static>,
    /// }
    ///
    /// fn codec(cx: &Context) -> Result<Codec, SpawnError> {
    ///     Ok(Codec { pool: RayonPool::in_scope_of(cx, "codec", "packs", 1)? })
    /// }
    ///
    /// homebound::scope(|scope| Ok(codec(scope.context())?.pool.close()?))?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[track_caller]
    pub fn in_scope_of(
        cx: &Context,
        name: impl IntoText,
        purpose: impl IntoText,
        threads: usize,
    ) -> Result<RayonPool<'static>, SpawnError> {
        let (name, builder) = (name.into(), ThreadPoolBuilder::new().num_threads(threads));
        host(cx.group(name.clone())?, &name, purpose.into(), builder, Location::caller())
    }

    /// As [`new`](Self::new), with rayon's own settings: the size of the stacks, names, handlers
    /// that run at the start and the end of a thread.
    ///
    /// The spawn handler and the panic handler are replaced. The setting `use_current_thread` is
    /// not for this: rayon leaks a pool that has it.
    ///
    /// ```
    /// use homebound_rayon::RayonPool;
    /// use rayon::ThreadPoolBuilder;
    ///
    /// homebound::scope(|scope| {
    ///     let deep = ThreadPoolBuilder::new().num_threads(1).stack_size(16 << 20);
    ///     let pool = RayonPool::with_builder(scope, "deep", "descends", deep)?;
    ///     assert_eq!(pool.install(rayon::current_num_threads)?, 1);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[track_caller]
    pub fn with_builder(
        scope: &Scope<'scope, '_>,
        name: impl IntoText,
        purpose: impl IntoText,
        builder: ThreadPoolBuilder,
    ) -> Result<RayonPool<'scope>, SpawnError> {
        let name = name.into();
        host(scope.group(name.clone())?, &name, purpose.into(), builder, Location::caller())
    }

    /// Runs `f` on a thread of the pool, and returns what it returns: `par_iter`, `join` and
    /// `scope` inside of it are the pool's. Blocks until `f` has returned; the dump shows that the
    /// caller waits for `rayon`.
    ///
    /// As each wait of homebound's, it begins with a look at the caller's stop: a thread that is
    /// stopping starts no work. Once `f` has begun, a stop ends it at its next `cx.checkpoint()?`.
    /// Take the `cx` of the caller: the context of the pool's own thread
    /// ([`homebound::current()`]) is told after all of its users. A call from a thread of the pool
    /// runs `f` in place.
    ///
    /// ```
    /// use homebound_rayon::RayonPool;
    /// use rayon::prelude::*;
    ///
    /// let stopped = homebound::scope(|scope| {
    ///     let cx = scope.context();
    ///     let pool = RayonPool::new(scope, "ray", "searches", 2)?;
    ///     pool.install(|| {
    ///         (0..u64::MAX).into_par_iter().try_for_each(|key| {
    ///             if key == 12 {
    ///                 cx.stopper().stop_because("that is enough");
    ///             }
    ///             cx.checkpoint()
    ///         })
    ///     })??;
    ///     Ok(())
    /// });
    /// let stopped = stopped.unwrap_err();
    /// assert_eq!(stopped.stop_reason().expect("no failure").to_string(), "that is enough");
    /// ```
    ///
    /// # Errors
    /// [`Stopped`], without a call of `f`, if the calling thread is stopping, or the pool.
    ///
    /// # Panics
    /// If `f` panics, with its payload, also on another thread of the pool. The failure of the
    /// caller has the place of the panic.
    #[track_caller]
    pub fn install<R: Send>(&self, f: impl FnOnce() -> R + Send) -> Result<R, Stopped> {
        let pool = self.running()?;
        let is_inside = pool.current_thread_index().is_some();
        match homebound::current().filter(|_| !is_inside) {
            Some(caller) => Ok(caller.waiting("rayon", || pool.install(f))),
            // A thread of the pool runs `f` itself, and so waits for nothing.
            None => Ok(pool.install(f)),
        }
    }

    /// Gives the pool a job that no caller waits for, as `rayon::spawn` does. `f` gets the context
    /// of the pool's thread that runs it. An error or a panic is a failure of the scope.
    ///
    /// Jobs that were given before the stop are worked off, so they should look at
    /// `cx.checkpoint()?`.
    ///
    /// ```
    /// use homebound_rayon::RayonPool;
    ///
    /// let error = homebound::scope(|scope| {
    ///     let pool = RayonPool::new(scope, "ray", "reads", 1)?;
    ///     pool.spawn(|_| Ok(drop("12x".parse::<u8>()?)))?;
    ///     scope.context().wait_for_stop(); // the failure stops the scope
    ///     Ok(())
    /// })
    /// .unwrap_err();
    /// assert_eq!(error.first().expect("one failure").name(), "ray-0");
    /// ```
    ///
    /// # Errors
    /// As [`install`](Self::install); `f` has then been dropped.
    pub fn spawn<F>(&self, f: F) -> Result<(), Stopped>
    where
        F: FnOnce(&Context) -> Result + Send + 'static,
    {
        let group = self.group.context().clone();
        self.running()?.spawn(move || {
            let cx = homebound::current().unwrap_or(group);
            if let Err(error) = f(&cx) {
                cx.fail(error);
            }
        });
        Ok(())
    }

    /// Returns the pool, if neither it nor the calling thread is stopping.
    fn running(&self) -> Result<Arc<ThreadPool>, Stopped> {
        homebound::current().map_or(Ok(()), |caller| caller.checkpoint())?;
        loop {
            self.group.context().checkpoint()?;
            // An empty slot: the group was marked since that look, and the next look sees it.
            if let Some(pool) = &*self.pool.lock() {
                return Ok(Arc::clone(pool));
            }
        }
    }

    /// Tells the pool to stop: it takes no more work, and its threads end when they have none left.
    /// Does not wait. The scope goes on.
    ///
    /// ```
    /// use homebound_rayon::RayonPool;
    ///
    /// homebound::scope(|scope| {
    ///     let pool = RayonPool::new(scope, "ray", "crunches", 1)?;
    ///     pool.stop();
    ///     assert!(pool.install(|| 1 + 1).is_err());
    ///     assert!(!scope.is_stopping());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn stop(&self) {
        self.group.stop();
    }

    /// Returns a [`Stopper`] of the pool. It may be cloned, and outlives the pool.
    pub fn stopper(&self) -> Stopper {
        self.group.stopper()
    }

    /// Stops the pool, joins its threads, and returns what failed in it. See
    /// [`Group::close`](homebound::Group::close).
    ///
    /// ```
    /// use homebound_rayon::RayonPool;
    ///
    /// homebound::scope(|scope| {
    ///     let pool = RayonPool::new(scope, "ray", "crunches", 1)?;
    ///     pool.spawn(|_| Ok(()))?;
    ///     Ok(pool.close()?) // the job is done
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// What failed in the pool.
    #[track_caller]
    pub fn close(self) -> Result<(), ScopeError> {
        self.group.close()
    }
}

/// Builds the pool on threads of the group. If the build fails, the drop of the group joins the
/// threads that had begun: rayon has told these to end.
fn host<'scope>(
    group: Group<'scope>,
    name: &str,
    purpose: Cow<'static, str>,
    builder: ThreadPoolBuilder,
    at: &'static Location<'static>,
) -> Result<RayonPool<'scope>, SpawnError> {
    let context = group.context().clone();
    let (here, all_gone) = bounded(0);
    // Runs when the threads are home. Pairs with the drop of `HERE`: no message comes, and the
    // channel is disconnected when the last thread has dropped its thread-locals.
    group.defer("thread-locals of rayon's threads", move || {
        let _disconnected = all_gone.recv();
        Ok(())
    });
    let mut refused = None;
    let built = builder
        .panic_handler(move |payload| tell(&context, payload))
        .spawn_handler(|thread| {
            start(&group, name, purpose.clone(), at, &here, thread).map_err(|why| {
                let told = io::Error::other(why.to_string());
                refused = Some(why);
                told
            })
        })
        .build();
    let pool = match built {
        Ok(pool) => Arc::new(Mutex::new(Some(Arc::new(pool)))),
        // Without a refusal of ours it is rayon's own: it has no thread to begin with.
        Err(error) => return Err(refused.unwrap_or_else(|| SpawnError::Os(io::Error::other(error)))),
    };
    let slot = Arc::clone(&pool);
    // The pool drops outside of the lock. If a caller is inside `install`, the pool drops when that
    // caller comes back.
    let empties = group.context().on_stop(move || drop(slot.lock().take()));
    Ok(RayonPool { group, pool, _empties_the_slot: empties })
}

/// Starts a thread of the pool. It is a worker of the group, and not a service, so that all of them
/// see the stop of the group at once.
fn start(
    group: &Group<'_>,
    name: &str,
    purpose: Cow<'static, str>,
    at: &'static Location<'static>,
    here: &Sender<Infallible>,
    thread: ThreadBuilder,
) -> Result<(), SpawnError> {
    let name = thread.name().map_or_else(|| format!("{name}-{}", thread.index()), str::to_owned);
    let mut own = group.thread(name, purpose).dedicated().spawned_at(at);
    if let Some(bytes) = thread.stack_size() {
        own = own.stack_size(bytes);
    }
    let here = here.clone();
    own.spawn(move |cx| {
        // First, because std drops thread-locals in the reverse order of their first use.
        HERE.set(Some(here));
        // Without a job the thread sleeps in a wait of rayon's, for as long as there is none.
        cx.patience(Duration::MAX, || thread.run());
        Ok(())
    })
    .map(drop)
}

/// Called by rayon on the thread of the pool whose job has panicked. Without it rayon would abort.
fn tell(group: &Context, payload: Box<dyn Any + Send>) {
    homebound::current().as_ref().unwrap_or(group).fail_panic(payload);
}

impl fmt::Debug for RayonPool<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RayonPool").field("path", &self.group.context().path()).finish_non_exhaustive()
    }
}
