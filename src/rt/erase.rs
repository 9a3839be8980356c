//! Owns the one cast that lets work which borrows for `'scope` be held by a thread that std knows as `'static`.
//! Refuses to know what the work is, who runs it and when the scope ends: `README.md` in this folder proves the whole.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::sync::Arc;

use super::packet::Task;

/// Stands for a promise: everything that was erased under it has been run or cleared, and is held by nobody, before
/// `'scope` ends (invariant 2).
///
/// Invariant in `'scope`: a shorter one would let a closure borrow what dies before the promise is kept (invariant 3).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease<'scope> {
    _invariant: PhantomData<fn(&'scope ()) -> &'scope ()>,
}

impl<'scope> Lease<'scope> {
    /// Gives the promise. Called in five places, which a test counts: `run::live`, whose exit path settles on every
    /// way out; `Context::with_on_stop`, which waits for its callback; `Context::wait_at`, whose waiter waits for those
    /// who ring; `Context::thread` and `group::open_static`, for `'static`, where nothing is owed.
    pub(crate) fn promise() -> Lease<'scope> {
        Lease { _invariant: PhantomData }
    }

    /// Forgets that `task` borrows for `'scope`. Jobs, deferred functions, borrowing callbacks and the places at which
    /// one waits for a condvar are all [`Task`]s, so this is the only place where a lifetime is widened.
    pub(crate) fn erase<C: 'static>(self, task: Arc<dyn Task<C> + 'scope>) -> Arc<dyn Task<C> + 'static> {
        // SAFETY: only the lifetime bound of the trait object changes, so layout and vtable are the same. Invariant 2,
        // which this lease promises, has the borrowed parts gone before they dangle; invariant 1 keeps them out of the
        // frame that tells so.
        unsafe { std::mem::transmute::<Arc<dyn Task<C> + 'scope>, Arc<dyn Task<C> + 'static>>(task) }
    }
}
