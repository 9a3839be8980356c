//! Owns the containers of the models: cells that are filled once, queues.
//! Refuses to tell earlier than the real ones how full they are.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use super::model::{AtomicBool, AtomicUsize, Mutex};

/// A cell that is filled once. A second filler waits for the first; a reader may still find the
/// cell empty.
#[derive(Debug)]
pub(crate) struct OnceCell<T> {
    full: AtomicBool,
    filling: Mutex<()>,
    value: once_cell::sync::OnceCell<T>,
}

impl<T> OnceCell<T> {
    pub(crate) fn new() -> Self {
        OnceCell {
            full: AtomicBool::new(false),
            filling: Mutex::new(()),
            value: once_cell::sync::OnceCell::new(),
        }
    }

    pub(crate) fn with_value(value: T) -> Self {
        let cell = OnceCell::new();
        let _it_is_empty = cell.set(value);
        cell
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.full.load(Ordering::Acquire) { self.value.get() } else { None }
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let _filling = self.filling.lock();
        let set = self.value.set(value);
        self.full.store(true, Ordering::Release);
        set
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let _filling = self.filling.lock();
        if self.value.get().is_none() {
            let _is_first = self.value.set(make());
            self.full.store(true, Ordering::Release);
        }
        self.value.get().expect("it was filled above")
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        OnceCell::new()
    }
}

/// A queue that is correct by a lock. It may report its length late, as a queue without a lock
/// does.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    items: Mutex<VecDeque<T>>,
    count: AtomicUsize,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Queue { items: Mutex::default(), count: AtomicUsize::new(0) }
    }

    pub(crate) fn push(&self, item: T) {
        let mut items = self.items.lock();
        items.push_back(item);
        self.count.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn pop(&self) -> Option<T> {
        let mut items = self.items.lock();
        let item = items.pop_front()?;
        self.count.fetch_sub(1, Ordering::Release);
        Some(item)
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue::new()
    }
}
