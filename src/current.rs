//! Owns what the calling thread is: the stack of contexts in which it runs, the panic that it last raised.
//! Refuses to know what is done with them.

use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::mem;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::thread;
use std::time::Duration;

use crate::context::Context;
use crate::record::Record;
use crate::rt::contain::{Payload, text_of};
use crate::scope_core::ScopeCore;
use crate::status::Role;
use crate::sync::local::*;

per_thread! {
    static STACK: RefCell<Stack> = const { RefCell::new(Stack::NEW) };
    /// There is something in `PANICKED_AT`, which costs the thread an allocation when it is touched.
    static PANICKED: Cell<bool> = const { Cell::new(false) };
    static PANICKED_AT: RefCell<Option<Seen>> = const { RefCell::new(None) };
    static RUN: Cell<u64> = const { Cell::new(0) };
    static KERNEL_ID: Cell<Option<u32>> = const { Cell::new(None) };
    /// How many callbacks and deferred functions of ours this thread is in.
    static GUEST: Cell<usize> = const { Cell::new(0) };
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// What the hook saw of a panic. It is not the payload that is caught, which is moved into a box later.
struct Seen {
    place: String,
    kind: TypeId,
    text: Option<String>,
}

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
    context: Context,
    /// Given back if the thread ends with its guard leaked.
    adopted: bool,
}

impl Frame {
    /// The scope of a guest ends without the guest: its guard may live on, but stands for nothing.
    fn is_over(&self) -> bool {
        let record = self.context.record();
        self.adopted && record.role == Role::Guest && record.has_ended()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for frame in self.frames.drain(..).rev().filter(|frame| frame.adopted) {
            crate::adopt::forsake(frame.context.record());
        }
    }
}

/// The calling thread's context, if it runs inside a scope. `None` in thread-local destructors.
pub fn current() -> Option<Context> {
    let top = STACK.try_with(|stack| stack.try_borrow().ok()?.top().map(|frame| frame.context.clone()));
    top.ok().flatten()
}

/// The record of the calling thread's context.
pub(crate) fn record() -> Option<Arc<Record>> {
    let top = STACK.try_with(|stack| {
        let stack = stack.try_borrow().ok()?;
        stack.top().map(|frame| Arc::clone(frame.context.record()))
    });
    top.ok().flatten()
}

/// The records of all contexts in which the calling thread runs, the innermost first.
pub(crate) fn records() -> Vec<Arc<Record>> {
    let all = STACK.try_with(|stack| {
        let stack = stack.borrow();
        stack.entered().map(|frame| Arc::clone(frame.context.record())).collect()
    });
    all.unwrap_or_default()
}

/// While it lives, `context` is the calling thread's. Frames are removed by identity, whatever the order.
#[derive(Debug)]
pub(crate) struct Entered {
    key: u64,
}

pub(crate) fn enter(context: Context, adopted: bool) -> Entered {
    let key = NEXT.fetch_add(1, Ordering::Relaxed);
    let frame = Frame { key, context, adopted };
    let _gone_in_destructors = STACK.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        stack.adopted += usize::from(adopted);
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
            stack.adopted -= usize::from(frame.adopted);
            Some(frame)
        });
        // Dropped with the stack free again.
        drop(removed);
    }
}

/// The contexts under which the calling thread is adopted in this scope, or in groups and scopes below it: it is in them no more.
pub(crate) fn leave_adopted(core: &Arc<ScopeCore>) -> Vec<Context> {
    let below = |frame: &Frame| {
        frame.adopted && frame.context.core().around().any(|around| Arc::ptr_eq(around, core))
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
    left.unwrap_or_default().into_iter().map(|frame| frame.context).collect()
}

/// Whatever the calling thread will touch of its thread-locals has its place and its destructor from now on: to make them may need
/// the locks of the allocator and of the loader.
pub(crate) fn touch() {
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

/// A job is over: contexts whose guards it leaked are left, and the thread's last panic is nobody's.
pub(crate) fn leave_all() {
    let left = STACK.try_with(|stack| std::mem::replace(&mut *stack.borrow_mut(), Stack::NEW));
    // Dropped with the stack free again.
    drop(left);
    let _nobody = take_panic();
}

/// Counts OS threads, not jobs: tells who would wait for whom.
pub(crate) fn run_id() -> u64 {
    let id = RUN.try_with(|run| {
        if run.get() == 0 {
            run.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        run.get()
    });
    id.unwrap_or(0)
}

/// The kernel's id of the calling thread, asked once.
pub(crate) fn kernel_id() -> Option<u32> {
    let known = KERNEL_ID.try_with(|id| {
        if id.get().is_none() {
            id.set(crate::sys::thread_id());
        }
        id.get()
    });
    known.ok().flatten()
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

/// Installs, once in the process, a hook before the one that is there: it notes where a managed thread panicked.
pub(crate) fn note_panics() {
    static INSTALLED: Once = Once::new();
    // The hook cannot be changed by a thread that unwinds: the next scope will do it.
    if thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if let Some(place) = info.location().filter(|_| is_managed()) {
                let (kind, text) = (info.payload().type_id(), text_of(info.payload()).map(str::to_owned));
                let seen = Seen { place: place.to_string(), kind, text };
                let _gone = PANICKED_AT.try_with(|last| last.replace(Some(seen)));
                PANICKED.set(true);
            }
            earlier(info);
        }));
    });
}

fn is_managed() -> bool {
    let managed = STACK.try_with(|stack| stack.try_borrow().is_ok_and(|s| !s.frames.is_empty()));
    managed.unwrap_or(false) || is_guest()
}

/// Where the panic was raised that was just caught on this thread with this payload. `None` if the hook has not seen it: one that is
/// resumed passes it by, and then what it saw last was another.
pub(crate) fn panic_place(payload: &Payload) -> Option<String> {
    let seen = take_panic()?;
    let same = seen.kind == (**payload).type_id() && seen.text.as_deref() == text_of(&**payload);
    same.then_some(seen.place)
}

fn take_panic() -> Option<Seen> {
    if !PANICKED.replace(false) {
        return None;
    }
    PANICKED_AT.try_with(RefCell::take).ok().flatten()
}
