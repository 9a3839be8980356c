//! Owns the contexts in which the calling thread runs, as a stack per thread.
//! Refuses to know what a caller does with them.

use std::cell::{Cell, RefCell};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use smallvec::SmallVec;

use crate::outcome::status::snapshot::Role;
use crate::stop::node::Node;
use crate::sync::local::*;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;

per_thread! {
    /// Gone in the last destructors of the thread: then no context is found, and none is entered.
    static STACK: RefCell<Stack> = const { RefCell::new(Stack::NEW) };
    /// Number of callbacks and deferred functions of ours that this thread is inside of.
    static CALLBACKS: Cell<usize> = const { Cell::new(0) };
}

/// Source of the keys of frames, by which a frame is removed whatever the order.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The contexts of one thread, the outermost first.
struct Stack {
    /// The first in place, because most threads are in one context at a time.
    frames: SmallVec<[Frame; 1]>,
    /// Number of frames of adoptions. It is mostly 0, and then `leave_adopted` need not look.
    adopted: usize,
}

impl Stack {
    const NEW: Stack = Stack { frames: SmallVec::new_const(), adopted: 0 };

    /// The frames that the thread is inside of, the innermost first.
    fn entered(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter().rev().filter(|frame| !frame.is_over())
    }

    fn top(&self) -> Option<&Frame> {
        self.entered().next()
    }
}

/// One context of the OS thread: of a thread's closure, of a body, or of an adoption.
struct Frame {
    key: u64,
    record: Arc<Record>,
    /// The record's own node, or the node of the shield or deadline that the thread is inside of.
    node: Arc<Node>,
    /// For an adoption: ends the stay if the guard was leaked and the closure around it is over.
    forsake: Option<Forsake>,
}

pub(crate) type Forsake = fn(&Arc<Record>);

impl Frame {
    /// True for a guest whose scope has ended: its guard may live on, but is no context any more.
    fn is_over(&self) -> bool {
        self.forsake.is_some() && self.record.role == Role::Guest && self.record.has_ended()
    }
}

/// The thread ends: leaves the adoptions whose guards it leaked, the innermost first.
impl Drop for Stack {
    fn drop(&mut self) {
        for Frame { record, forsake, .. } in self.frames.drain(..).rev() {
            forsake.iter().for_each(|forsake| forsake(&record));
        }
    }
}

/// Record and node of the calling thread's context: `None` outside of all scopes, and in the
/// destructors of thread-locals.
pub(crate) fn top() -> Option<(Arc<Record>, Arc<Node>)> {
    let both = |frame: &Frame| (Arc::clone(&frame.record), Arc::clone(&frame.node));
    let top = STACK.try_with(|stack| stack.try_borrow().ok()?.top().map(both));
    top.ok().flatten()
}

/// The record of the calling thread's context.
pub(crate) fn record() -> Option<Arc<Record>> {
    let top = STACK.try_with(|stack| {
        let stack = stack.try_borrow().ok()?;
        stack.top().map(|frame| Arc::clone(&frame.record))
    });
    top.ok().flatten()
}

/// The records of all contexts that the calling thread runs in, the innermost first.
pub(crate) fn records() -> Vec<Arc<Record>> {
    let all = STACK.try_with(|stack| {
        let stack = stack.borrow();
        stack.entered().map(|frame| Arc::clone(&frame.record)).collect()
    });
    all.unwrap_or_default()
}

/// While it lives, record and node are the calling thread's context. Contexts may be left in any
/// order, because a frame is found by its key.
#[derive(Debug)]
pub(crate) struct Entered {
    key: u64,
}

/// Makes `record` and `node` the innermost context of the calling thread.
pub(crate) fn enter(record: Arc<Record>, node: Arc<Node>, forsake: Option<Forsake>) -> Entered {
    let key = NEXT.fetch_add(1, Ordering::Relaxed);
    let frame = Frame { key, record, node, forsake };
    let _gone_in_destructors = STACK.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        stack.adopted += usize::from(forsake.is_some());
        stack.frames.push(frame);
    });
    Entered { key }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let removed = STACK.try_with(|stack| {
            let mut stack = stack.borrow_mut();
            let place = stack.frames.iter().rposition(|frame| frame.key == self.key)?;
            let frame = stack.frames.remove(place);
            stack.adopted -= usize::from(frame.forsake.is_some());
            Some(frame)
        });
        // Dropped with the stack free again, because a drop may run code that reads the stack.
        drop(removed);
    }
}

/// Ends the adoptions of the calling thread in this scope, or below it. Returns their records,
/// whose stay the caller ends.
pub(crate) fn leave_adopted(core: &Arc<ScopeCore>) -> Vec<Arc<Record>> {
    let below = |frame: &Frame| {
        frame.forsake.is_some() && frame.record.core.ancestors().any(|around| Arc::ptr_eq(around, core))
    };
    let left = STACK.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        if stack.adopted == 0 {
            return None;
        }
        let (left, kept): (Vec<_>, Vec<_>) = mem::take(&mut stack.frames).into_iter().partition(below);
        stack.frames = kept.into();
        stack.adopted -= left.len();
        Some(left)
    });
    let Some(left) = left.ok().flatten() else { return Vec::new() };
    left.into_iter().map(|frame| frame.record).collect()
}

/// Makes the thread-locals that the calling thread will touch, and registers their destructors,
/// before any of them is needed: that may need the locks of the allocator and of the loader (A2).
pub(crate) fn prepare() {
    let _gone_in_destructors = STACK.try_with(|_| ());
    let mutex = crate::sync::locks::Mutex::new(());
    let held = mutex.lock();
    // Parks for a nanosecond, because the lock makes a thread-local for its first park.
    let _nobody_frees_it = mutex.try_lock_for(Duration::from_nanos(1));
    drop(held);
}

/// True in the last destructors of the calling thread: there no context can be entered, or left
/// when the thread ends.
pub(crate) fn is_gone() -> bool {
    STACK.try_with(|_| ()).is_err()
}

/// Leaves the contexts that were entered after this one and whose guards were leaked: a thread of a
/// pool calls it between two jobs.
#[inline]
pub(crate) fn leave_above(entered: &Entered) {
    // Most jobs leak nothing, so the context of the pool's thread is the last one.
    let is_last =
        |stack: &RefCell<Stack>| stack.borrow().frames.last().is_none_or(|last| last.key == entered.key);
    if !STACK.try_with(is_last).unwrap_or(true) {
        leave_leaked_above(entered);
    }
}

#[cold]
fn leave_leaked_above(entered: &Entered) {
    let left = STACK.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        let own = stack.frames.iter().rposition(|frame| frame.key == entered.key);
        let left: Vec<_> = stack.frames.drain(own.map_or(0, |own| own + 1)..).collect();
        stack.adopted -= left.iter().filter(|frame| frame.forsake.is_some()).count();
        left
    });
    // With the stack free again, because `forsake` reads it.
    for frame in left.into_iter().flatten().rev() {
        frame.forsake.iter().for_each(|forsake| forsake(&frame.record));
    }
}

/// Leaves the contexts whose guards were leaked by the closure that the calling thread has run.
/// Called when the closure is over.
pub(crate) fn leave_all() {
    let left = STACK.try_with(|stack| std::mem::replace(&mut *stack.borrow_mut(), Stack::NEW));
    // Dropped with the stack free again, because `forsake` reads it.
    drop(left);
}

/// Runs `f` as a callback or deferred function: a call from inside must not wait for the scope,
/// which waits for `f`.
pub(crate) fn as_callback<R>(f: impl FnOnce() -> R) -> R {
    let change = |by: isize| {
        let _gone = CALLBACKS.try_with(|depth| depth.set(depth.get().wrapping_add_signed(by)));
    };
    change(1);
    // On every way out, a panic of `f` included.
    let leave = scopeguard::guard((), |()| change(-1));
    let result = f();
    drop(leave);
    result
}

/// True if the calling thread is inside of `as_callback`.
pub(crate) fn is_in_callback() -> bool {
    CALLBACKS.try_with(Cell::get).unwrap_or(0) > 0
}

/// True if the calling thread runs code of a scope: then the place of a panic is worth noting.
pub(crate) fn is_managed() -> bool {
    let managed = STACK.try_with(|stack| stack.try_borrow().is_ok_and(|s| !s.frames.is_empty()));
    managed.unwrap_or(false) || is_in_callback()
}
