//! Owns what the calling thread is: the stack of contexts in which it runs.
//! Refuses to know what is done with them.

use std::cell::{Cell, RefCell};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::outcome::status::Role;
use crate::stop::node::Node;
use crate::sync::local::*;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;

per_thread! {
    static STACK: RefCell<Stack> = const { RefCell::new(Stack::NEW) };
    /// How many callbacks and deferred functions of ours this thread is in.
    static GUEST: Cell<usize> = const { Cell::new(0) };
}

static NEXT: AtomicU64 = AtomicU64::new(1);

struct Stack {
    frames: Vec<Frame>,
    /// How many of them are those of an adoption: most often none.
    adopted: usize,
}

impl Stack {
    const NEW: Stack = Stack { frames: Vec::new(), adopted: 0 };

    /// The frames in which the thread is, the innermost first.
    fn entered(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter().rev().filter(|frame| !frame.is_over())
    }

    fn top(&self) -> Option<&Frame> {
        self.entered().next()
    }
}

struct Frame {
    key: u64,
    record: Arc<Record>,
    /// The record's own, or that of the shield or deadline in which the thread is.
    node: Arc<Node>,
    /// For an adoption: what ends it if the thread, or its job, ends with the guard leaked.
    forsake: Option<Forsake>,
}

pub(crate) type Forsake = fn(&Arc<Record>);

impl Frame {
    /// The scope of a guest ends without the guest: its guard may live on, but stands for nothing.
    fn is_over(&self) -> bool {
        self.forsake.is_some() && self.record.role == Role::Guest && self.record.has_ended()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for Frame { record, forsake, .. } in self.frames.drain(..).rev() {
            forsake.iter().for_each(|forsake| forsake(&record));
        }
    }
}

/// Record and node of the calling thread's context, if it runs inside a scope. `None` in thread-local destructors.
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

/// The records of all contexts in which the calling thread runs, the innermost first.
pub(crate) fn records() -> Vec<Arc<Record>> {
    let all = STACK.try_with(|stack| {
        let stack = stack.borrow();
        stack.entered().map(|frame| Arc::clone(&frame.record)).collect()
    });
    all.unwrap_or_default()
}

/// While it lives, record and node are those of the calling thread's context. Frames are removed by identity, whatever the order.
#[derive(Debug)]
pub(crate) struct Entered {
    key: u64,
}

pub(crate) fn enter(record: Arc<Record>, node: Arc<Node>, forsake: Option<Forsake>) -> Entered {
    let key = NEXT.fetch_add(1, Ordering::Relaxed);
    let frame = Frame { key, record, node, forsake };
    let _gone_in_destructors = STACK.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        stack.adopted += usize::from(forsake.is_some());
        // Most threads are in one context at a time.
        stack.frames.reserve_exact(1);
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
        // Dropped with the stack free again.
        drop(removed);
    }
}

/// The records under which the calling thread is adopted in this scope, or in groups and scopes below it: it is in them no more.
pub(crate) fn leave_adopted(core: &Arc<ScopeCore>) -> Vec<Arc<Record>> {
    let below = |frame: &Frame| {
        frame.forsake.is_some() && frame.record.core.ancestors().any(|around| Arc::ptr_eq(around, core))
    };
    let left = STACK.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        if stack.adopted == 0 {
            return Vec::new();
        }
        let (left, kept): (Vec<_>, Vec<_>) = mem::take(&mut stack.frames).into_iter().partition(below);
        stack.frames = kept;
        stack.adopted -= left.len();
        left
    });
    left.unwrap_or_default().into_iter().map(|frame| frame.record).collect()
}

/// Whatever the calling thread will touch of its thread-locals has its place and its destructor from now on: to make them may need
/// the locks of the allocator and of the loader.
pub(crate) fn prepare() {
    let _gone_in_destructors = STACK.try_with(|_| ());
    let mutex = crate::sync::locks::Mutex::new(());
    let held = mutex.lock();
    // Parks, for which the lock has a thread-local.
    let _nobody_frees_it = mutex.try_lock_for(Duration::from_nanos(1));
    drop(held);
}

/// The calling thread is in its last destructors: no context can be entered, or left when it ends.
pub(crate) fn is_gone() -> bool {
    STACK.try_with(|_| ()).is_err()
}

/// A job is over: contexts whose guards it leaked are left.
pub(crate) fn leave_all() {
    let left = STACK.try_with(|stack| std::mem::replace(&mut *stack.borrow_mut(), Stack::NEW));
    // Dropped with the stack free again.
    drop(left);
}

/// Runs `f` as a callback or deferred function: what is called from inside must not wait for the scope.
pub(crate) fn as_guest<R>(f: impl FnOnce() -> R) -> R {
    let change = |by: isize| {
        let _gone = GUEST.try_with(|guest| guest.set(guest.get().wrapping_add_signed(by)));
    };
    change(1);
    let leave = scopeguard::guard((), |()| change(-1));
    let result = f();
    drop(leave);
    result
}

pub(crate) fn is_guest() -> bool {
    GUEST.try_with(Cell::get).unwrap_or(0) > 0
}

/// It runs something of ours: the place of a panic is worth noting.
pub(crate) fn is_managed() -> bool {
    let managed = STACK.try_with(|stack| stack.try_borrow().is_ok_and(|s| !s.frames.is_empty()));
    managed.unwrap_or(false) || is_guest()
}
