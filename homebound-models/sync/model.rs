//! Owns the model checkers' threads, locks, words and queues, under the names and with the methods
//! of the real ones.
//! Refuses to be in a build for users.
//!
//! Not modelled, and taken as correct: `Arc` and `Weak`, channels, counters that make ids. Their
//! calls do not block here, because only one thread runs between two steps of a model.

use std::cell::Cell;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[cfg(homebound_loom)]
use loom as engine;
#[cfg(homebound_shuttle)]
use shuttle as engine;

pub(crate) use super::sleepers::Sleepers;
pub(crate) use super::stores::{OnceCell, Queue};
#[cfg(homebound_loom)]
pub(crate) use super::words::{AtomicBool, AtomicU32};
#[cfg(homebound_shuttle)]
pub(crate) use engine::sync::atomic::{AtomicBool, AtomicU32};
pub(crate) use engine::sync::atomic::{AtomicU64, AtomicUsize, fence};
pub(crate) use engine::thread::{ThreadId, yield_now};

pub(crate) const MODELLED: bool = true;

std::thread_local! {
    /// All threads of a model are one thread for the OS, so this setting is the model's.
    static TIME_FLIES: Cell<bool> = const { Cell::new(false) };
}

/// With `true`, a wait with a time-out in a model of this thread times out as soon as its thread
/// may run. With `false`, no time passes.
pub(crate) fn time_flies(does: bool) {
    TIME_FLIES.set(does);
}

pub(crate) fn current_thread() -> engine::thread::Thread {
    engine::thread::current()
}

#[derive(Debug)]
pub(crate) struct Mutex<T>(engine::sync::Mutex<T>);

pub(crate) struct MutexGuard<'a, T> {
    lock: &'a Mutex<T>,
    held: Option<engine::sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(engine::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { lock: self, held: Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)) }
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().expect("a guard holds its lock but while it waits")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect("a guard holds its lock but while it waits")
    }
}

/// A lock with `try_lock`. In loom a `try_lock` of a taken lock waits for it, so a word here says
/// whether the lock is taken. The word may say so for a moment after the lock is free, which is
/// possible in reality too.
#[derive(Debug)]
pub(crate) struct TryMutex<T> {
    taken: AtomicBool,
    lock: Mutex<T>,
}

pub(crate) struct TryMutexGuard<'a, T> {
    taken: &'a AtomicBool,
    guard: MutexGuard<'a, T>,
}

impl<T> TryMutex<T> {
    pub(crate) fn new(value: T) -> Self {
        TryMutex { taken: AtomicBool::new(false), lock: Mutex::new(value) }
    }

    pub(crate) fn lock(&self) -> TryMutexGuard<'_, T> {
        let guard = self.lock.lock();
        self.taken.store(true, Ordering::Relaxed);
        TryMutexGuard { taken: &self.taken, guard }
    }

    pub(crate) fn try_lock(&self) -> Option<TryMutexGuard<'_, T>> {
        let taken = self.taken.load(Ordering::Relaxed);
        (!taken).then(|| self.lock())
    }

    pub(crate) fn try_lock_for(&self, _limit: Duration) -> Option<TryMutexGuard<'_, T>> {
        self.try_lock()
    }
}

impl<T> TryMutexGuard<'_, T> {
    /// Waits at `condvar`. A `try_lock` meanwhile may see the lock as free a moment too early, and
    /// then waits for it.
    pub(crate) fn wait_at(&mut self, condvar: &Condvar) {
        self.taken.store(false, Ordering::Release);
        condvar.wait(&mut self.guard);
        self.taken.store(true, Ordering::Relaxed);
    }
}

impl<T> Drop for TryMutexGuard<'_, T> {
    fn drop(&mut self) {
        self.taken.store(false, Ordering::Release);
    }
}

impl<T> Deref for TryMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for TryMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[derive(Debug, Default)]
pub(crate) struct Condvar(engine::sync::Condvar);

#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitTimeoutResult(bool);

impl Condvar {
    pub(crate) fn new() -> Self {
        Condvar::default()
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.held.take().expect("a waiter holds the lock");
        guard.held = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _end: Instant) -> WaitTimeoutResult {
        if !TIME_FLIES.get() {
            self.wait(guard);
            return WaitTimeoutResult(false);
        }
        drop(guard.held.take());
        guard.held = Some(guard.lock.0.lock().unwrap_or_else(PoisonError::into_inner));
        WaitTimeoutResult(true)
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

impl WaitTimeoutResult {
    pub(crate) fn timed_out(self) -> bool {
        self.0
    }
}

pub(crate) struct Builder(engine::thread::Builder);

pub(crate) struct JoinHandle<T> {
    handle: engine::thread::JoinHandle<T>,
    finished: Arc<AtomicBool>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Builder(engine::thread::Builder::new())
    }

    pub(crate) fn name(self, name: String) -> Self {
        Builder(self.0.name(name))
    }

    /// Ignored: the stacks of the models' threads are small, and all alike.
    pub(crate) fn stack_size(self, _bytes: usize) -> Self {
        self
    }

    pub(crate) fn spawn<T: Send + 'static>(
        self,
        main: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        let finished = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&finished);
        let handle = self.0.spawn(move || {
            let value = main();
            told.store(true, Ordering::Release);
            value
        })?;
        Ok(JoinHandle { handle, finished })
    }
}

/// Joins at once. Spinning before the join would add no other order of steps.
pub(crate) fn join(handle: JoinHandle<()>, _look: impl FnOnce(&dyn Fn() -> bool) -> bool) {
    drop(handle.join());
}

impl<T> JoinHandle<T> {
    pub(crate) fn join(self) -> std::thread::Result<T> {
        self.handle.join()
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }
}

macro_rules! global {
    ($(#[$about:meta])* static $name:ident: $type:ty = $value:expr;) => {
        $crate::sync::lazy_static! { $(#[$about])* static ref $name: $type = $value; }
    };
}
pub(crate) use engine::lazy_static;
pub(crate) use global;

pub(crate) mod local {
    use std::cell::Cell;

    pub(crate) use super::engine::thread_local as engines;

    macro_rules! per_thread {
        ($($(#[$about:meta])* static $name:ident: $type:ty = const $value:block;)*) => {
            $($crate::sync::local::engines! { $(#[$about])* static $name: $type = $value; })*
        };
    }
    pub(crate) use per_thread;

    /// The methods of std's keys of cells.
    pub(crate) trait Local<T> {
        fn get(&'static self) -> T
        where
            T: Copy;
        fn set(&'static self, value: T);
        fn replace(&'static self, value: T) -> T;
    }

    impl<T> Local<T> for super::engine::thread::LocalKey<Cell<T>> {
        fn get(&'static self) -> T
        where
            T: Copy,
        {
            self.with(Cell::get)
        }

        fn set(&'static self, value: T) {
            self.with(|cell| cell.set(value));
        }

        fn replace(&'static self, value: T) -> T {
            self.with(|cell| cell.replace(value))
        }
    }
}
