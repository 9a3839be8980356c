//! Owns a queue without a lock that takes no room before its first item: most are never used.
//! Refuses to wait.

use crate::sync::{OnceCell, Queue};

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

    pub(crate) fn len(&self) -> usize {
        self.0.get().map_or(0, |queue| queue.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.get().is_none_or(|queue| queue.is_empty())
    }
}
