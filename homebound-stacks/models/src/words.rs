//! Owns the words of the slot protocol, as loom has them.
//! Refuses to sleep: a model looks again as often as it says.

pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};

/// A place that loom watches: it fails if two threads reach it without an order.
pub(crate) struct Place<T>(loom::cell::UnsafeCell<T>);

impl<T> Place<T> {
    pub(crate) fn new(value: T) -> Self {
        Place(loom::cell::UnsafeCell::new(value))
    }

    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        self.0.with(read)
    }

    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        self.0.with_mut(write)
    }
}

pub(crate) fn wake(_: &AtomicU64) {}
