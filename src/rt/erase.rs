//! Owns the one cast that lets std, which accepts only `'static` work, hold work that borrows for
//! `'scope`; and values that are lent for `'scope` and owned by nobody but the scope.
//! Refuses to know what the work is, which thread runs it and when the scope ends. `README.md` in
//! this folder proves that both are sound.
#![allow(unsafe_code)]

use std::any::Any;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use super::packet::Task;

/// Stands for a promise: before `'scope` ends, everything that was erased under this lease has been
/// run or cleared, and no thread holds any of it (invariant 2).
///
/// Invariant in `'scope`: a shorter lifetime would let a closure borrow a value that dies before
/// the promise is kept (invariant 3).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease<'scope> {
    _invariant: PhantomData<fn(&'scope ()) -> &'scope ()>,
}

impl<'scope> Lease<'scope> {
    /// Gives the promise. Called in six places, which a test counts: `run::live`, whose exit path
    /// settles on every way out; `Context::with_on_stop`, which waits for its callback;
    /// `Context::wait_at`, whose waiter waits for the threads that interrupt it; `Map::lend`, whose
    /// guard waits for the helpers of a map; `Context::thread` and `group::open_static`, for
    /// `'static`, where nothing can dangle.
    pub(crate) fn promise() -> Lease<'scope> {
        Lease { _invariant: PhantomData }
    }

    /// Forgets that `task` borrows for `'scope`. The closures of threads, deferred functions,
    /// borrowing callbacks, the places at which threads wait for a condvar and the work of a pool's
    /// maps are all [`Task`]s, so this is the only function that widens a lifetime.
    pub(crate) fn erase<C: 'static>(self, task: Arc<dyn Task<C> + 'scope>) -> Arc<dyn Task<C> + 'static> {
        // SAFETY: only the lifetime bound of the trait object changes, so layout and vtable are the
        // same. By invariant 2, which this lease promises, the borrowed parts are gone before they
        // dangle. By invariant 1, the frame that reports this holds none of them.
        unsafe { std::mem::transmute::<Arc<dyn Task<C> + 'scope>, Arc<dyn Task<C> + 'static>>(task) }
    }

    /// Moves `value` to the heap and lends it for `'scope`. The caller keeps the [`Kept`] until
    /// nothing of `'scope` is left that could use the value (invariant 7), or for ever.
    pub(crate) fn keep<T: Send + 'static>(self, value: T) -> (&'scope T, Kept) {
        let value = NonNull::from(Box::leak(Box::new(value)));
        // SAFETY: the allocation lives, at this address and unchanged, until the `Kept` is dropped.
        // By invariant 7, which this lease promises, nothing uses the reference from then on.
        (unsafe { value.as_ref() }, Kept { value })
    }
}

/// The owner of a value that was lent for `'scope`. Its drop drops the value. A pointer and no
/// `Box`, because to move a `Box` says that nothing else refers to its content.
pub(crate) struct Kept {
    /// From `Box::leak`. Written by `keep`, read by the drop.
    value: NonNull<dyn Any + Send>,
}

// SAFETY: a `Kept` only drops its value, and the value may be dropped on another thread because it
// is `Send`. References to it are with other threads only if the value is `Sync`, by their type.
unsafe impl Send for Kept {}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a `Box` and is given back once, here. No reference to the
        // value is used any more, by invariant 7.
        drop(unsafe { Box::from_raw(self.value.as_ptr()) });
    }
}
