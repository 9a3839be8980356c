//! Owns a lock-free queue that takes no memory before its first item, because most queues are never
//! used.
//! Refuses to wait.

use crate::sync::{OnceCell, Queue};

/// Unbounded, first in, first out. The queue is allocated by the first `push` and freed with the
/// value.
pub(crate) struct LazyQueue<T>(OnceCell<Box<Queue<T>>>);

impl<T> Default for LazyQueue<T> {
    fn default() -> Self {
        LazyQueue(OnceCell::new())
    }
}

impl<T> LazyQueue<T> {
    pub(crate) fn push(&self, item: T) {
        self.0.get_or_init(|| Box::new(Queue::new())).push(item);
    }

    pub(crate) fn pop(&self) -> Option<T> {
        self.0.get()?.pop()
    }

    /// The number of items, as it was at some time during the call.
    pub(crate) fn len(&self) -> usize {
        self.0.get().map_or(0, |queue| queue.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.get().is_none_or(|queue| queue.is_empty())
    }
}
