//! Owns homebound's own locks, and the number of them that the calling thread holds.
//! Refuses to lock a mutex of the program's.
//!
//! No code of the program's runs while a thread holds one of these locks, because that code may
//! call back into this crate, or never return. Where debug assertions are on, each thread counts
//! the locks that it holds, and every place that runs the program's code asserts that the count is
//! zero ([`assert_none_held`]). So every test looks for this fault.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use parking_lot::WaitTimeoutResult;

/// False in models, where all threads of the model share one OS thread, and so one count.
const COUNTED: bool = cfg!(debug_assertions) && !super::MODELLED;

std::thread_local! {
    /// Has no destructor, because destructors of other thread-locals take locks.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// To be called where code of the program's is about to run: a closure, a callback, a `Drop`, a
/// `Display`, a subscriber.
#[inline]
#[track_caller]
pub(crate) fn assert_none_held() {
    if COUNTED {
        assert_eq!(HELD.get(), 0, "code of the program's runs under a lock of homebound's");
    }
}

/// Counts one held lock for as long as it lives.
#[derive(Debug)]
struct CountedLock;

impl CountedLock {
    #[inline]
    fn new() -> CountedLock {
        if COUNTED {
            HELD.set(HELD.get() + 1);
        }
        CountedLock
    }
}

impl Drop for CountedLock {
    #[inline]
    fn drop(&mut self) {
        if COUNTED {
            HELD.set(HELD.get() - 1);
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Mutex<T: ?Sized>(parking_lot::Mutex<T>);

/// Dropping this unlocks. A value that was taken out from under the lock is to be dropped after
/// this, because its `Drop` may be the program's.
#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T: ?Sized> {
    guard: parking_lot::MutexGuard<'a, T>,
    _held: CountedLock,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Mutex(parking_lot::Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { guard: self.0.lock(), _held: CountedLock::new() }
    }

    #[inline]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        Some(MutexGuard { guard: self.0.try_lock()?, _held: CountedLock::new() })
    }

    pub(crate) fn try_lock_for(&self, limit: Duration) -> Option<MutexGuard<'_, T>> {
        Some(MutexGuard { guard: self.0.try_lock_for(limit)?, _held: CountedLock::new() })
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner()
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[derive(Debug, Default)]
pub(crate) struct Condvar(parking_lot::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Self {
        Condvar(parking_lot::Condvar::new())
    }

    pub(crate) fn wait<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>) {
        self.0.wait(&mut guard.guard);
    }

    pub(crate) fn wait_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        end: Instant,
    ) -> WaitTimeoutResult {
        self.0.wait_until(&mut guard.guard, end)
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
