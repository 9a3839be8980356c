//! Owns the one cast that lets std, which accepts only `'static` work, hold work that borrows for
//! `'scope`.
//! Refuses to know what the work is, which thread runs it and when the scope ends. `README.md` in
//! this folder proves that the cast is sound.
#![allow(unsafe_code)]

use std::marker::PhantomData;
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
    /// Gives the promise. Called in five places, which a test counts: `run::live`, whose exit path
    /// settles on every way out; `Context::with_on_stop`, which waits for its callback;
    /// `Context::wait_at`, whose waiter waits for the threads that interrupt it; `Context::thread`
    /// and `group::open_static`, for `'static`, where nothing can dangle.
    pub(crate) fn promise() -> Lease<'scope> {
        Lease { _invariant: PhantomData }
    }

    /// Forgets that `task` borrows for `'scope`. Jobs, deferred functions, borrowing callbacks and
    /// the places at which threads wait for a condvar are all [`Task`]s, so this is the only
    /// function that widens a lifetime.
    pub(crate) fn erase<C: 'static>(self, task: Arc<dyn Task<C> + 'scope>) -> Arc<dyn Task<C> + 'static> {
        // SAFETY: only the lifetime bound of the trait object changes, so layout and vtable are the
        // same. By invariant 2, which this lease promises, the borrowed parts are gone before they
        // dangle. By invariant 1, the frame that reports this holds none of them.
        unsafe { std::mem::transmute::<Arc<dyn Task<C> + 'scope>, Arc<dyn Task<C> + 'static>>(task) }
    }
}
