//! Owns one OS thread's mailbox: its join handle, and its next order.
//! Refuses to know the other threads: the cache does.
//!
//! ```text
//! working --offer--> idle --claim--> claimed --give, next--> working
//! working --(not given back)--> on its way out
//! working --bequeath--> on its way out, to be joined by its heir
//! idle    --(too long: claims itself)--> on its way out
//! ```

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicU64, Ordering};
use std::time::Instant;

use super::options::{Setting, ThreadOptions};
use super::spin::{A_WAKE_UP, spin_until};
use super::title::{Name, Titled};
use crate::rt::shown::kernel_name;
use crate::sync::local::*;
use crate::sync::{AtomicBool, AtomicU32, Condvar, JoinHandle, Mutex, OnceCell};
use crate::sys::{self, Attributes};

per_thread! {
    /// The number of the calling thread's own [`OsThread`]; 0 for a thread that no cache started.
    /// Written once, by `begin`. It has no destructor, so that it is there in the last destructors
    /// of the thread, too.
    static OWN: Cell<u64> = const { Cell::new(0) };
}

/// Returns the number of the calling thread's own [`OsThread`], or 0.
pub(super) fn own_number() -> u64 {
    OWN.get()
}

/// One closure for an OS thread. It contains its own panics. It calls `ThreadCache::give_back` when
/// only bookkeeping is left to be done, so that a thread that learns of its end finds the OS thread
/// idle.
pub(crate) type Routine = Box<dyn FnOnce(&Arc<OsThread>) + Send + 'static>;

/// The order to an OS thread.
pub(super) enum Order {
    /// Run this routine.
    Run(Routine),
    /// Leave. `counted`: the giver has counted the thread as leaving already.
    Retire { counted: bool },
}

/// One OS thread of a root, from before it is asked for until it has been joined.
pub(crate) struct OsThread {
    /// From 1, unique in the process.
    number: u64,
    /// The name that it was started with. All its routines have it.
    name: Name,
    make: ThreadOptions,
    /// Priority and cores of the thread, if these are not the root's: they were asked for, or the
    /// system has refused the root's. Written by the thread as its first step.
    setting: OnceCell<Arc<Setting>>,
    /// The kernel's id, stored by the thread in `begin`. 0 before that, and where the system has
    /// none.
    kernel_id: AtomicU32,
    /// An address on its stack, further out than all routines. Written by the thread in `begin`,
    /// read by views alone, so it is part of no model.
    stack_at: atomic::AtomicU64,
    /// The thread's name in the kernel when it began, to be restored after each routine. Only this
    /// thread uses it, so it is part of no model.
    kernel_name: [AtomicU64; 2],
    title: Titled,
    /// True when the last routine is over but for the end of its thread. Written by the thread,
    /// read by views alone, so it is part of no model.
    over: atomic::AtomicBool,
    /// Handle, order and standing. Written by the spawner, by the cache and by the thread.
    mail: Mutex<Mail>,
    /// True if there is an order in `mail.next`. For `look_out`, which polls without the lock.
    mailed: AtomicBool,
    /// Set by the thread when it leaves its handle here for the thread that ends the root, which
    /// looks at this before it joins.
    retired: AtomicBool,
    /// True if an *heir* joins the thread: the OS thread of the next run, which needs to know that
    /// the destructors of this one are over. Set by the thread itself, before its heir is asked
    /// for; cleared if the heir is refused. Then no other thread takes the handle.
    bequeathed: AtomicBool,
    /// The thread sleeps here for an order, and a joiner for the handle. Notified by `give` and
    /// `put_handle`. One notification is enough, because the two never sleep at once: a joiner
    /// comes only when the thread is on its way out, and then no order does.
    woken: Condvar,
}

#[derive(Default)]
struct Mail {
    /// Put in by the spawner, taken by the thread that will join, or by the thread itself.
    handle: Option<JoinHandle<()>>,
    /// The next order. Put in by `give`, taken by the thread.
    next: Option<Order>,
    standing: Standing,
}

/// Whether a spawner may claim the thread.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It has a routine, or is on its way out.
    #[default]
    Working,
    /// It stands in `Idle`, under this age.
    Idle(u64),
    /// Taken out of `Idle`, and its order is on the way: the thread has to wait for it.
    Claimed,
}

impl OsThread {
    pub(super) fn new(number: u64, name: Name, make: ThreadOptions) -> Arc<OsThread> {
        Arc::new(OsThread {
            number,
            name,
            make,
            setting: OnceCell::new(),
            kernel_id: AtomicU32::new(0),
            stack_at: atomic::AtomicU64::new(0),
            kernel_name: Default::default(),
            title: Titled::default(),
            over: atomic::AtomicBool::new(false),
            mail: Mutex::default(),
            mailed: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            bequeathed: AtomicBool::new(false),
            woken: Condvar::new(),
        })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    pub(super) fn options(&self) -> &ThreadOptions {
        &self.make
    }

    /// Called by the thread itself, as its first step. It has inherited the attributes of another
    /// thread, and takes those of the root, or those that were asked for.
    ///
    /// Not inlined, because its frame would be below every closure, and a blocked thread pays for
    /// its stack by the page.
    #[inline(never)]
    pub(super) fn begin(&self, root: &Attributes) {
        OWN.set(self.number);
        let _begins_once = self.make.begin(root).map(|setting| self.setting.set(setting));
        // std has given the kernel the first bytes of the name as they are. Set the name again if
        // they mislead, or end within a character.
        let name = kernel_name(&self.name, sys::NAME_BYTES);
        if !self.name.as_bytes().starts_with(name.as_bytes())
            || name.len() < self.name.len().min(sys::NAME_BYTES)
        {
            sys::set_thread_name(&name);
        }
        let words = self.kernel_name.iter().zip(sys::kernel_name());
        words.for_each(|(word, now)| word.store(now, Ordering::Relaxed));
        let here = 0_u8;
        self.stack_at.store(std::ptr::from_ref(&here).addr() as u64, atomic::Ordering::Relaxed);
        // Last: a view that sees an id (Acquire) sees a thread that has begun.
        self.kernel_id.store(sys::thread_id().unwrap_or(0), Ordering::Release);
    }

    /// Priority and cores of the thread, if these are not the root's.
    pub(crate) fn setting(&self) -> Option<&Arc<Setting>> {
        self.setting.get()
    }

    /// The kernel's id; `None` until the thread has begun.
    pub(super) fn kernel_id(&self) -> Option<u32> {
        Some(self.kernel_id.load(Ordering::Acquire)).filter(|id| *id != 0)
    }

    /// An address on the thread's stack, further out than all routines.
    pub(super) fn stack_at(&self) -> u64 {
        self.stack_at.load(atomic::Ordering::Relaxed)
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.mail.lock().standing, Standing::Idle(_))
    }

    pub(crate) fn title(&self) -> &Titled {
        &self.title
    }

    /// Called by the routine when nothing is left but bookkeeping and the end of its thread. If the
    /// thread hangs from now on, it is shown as ending.
    pub(crate) fn set_over(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// True for a thread that has no routine and will get none: it is on its way out, and may hang
    /// in a destructor.
    pub(super) fn is_ending(&self) -> bool {
        // Without the lock first, because spawners wait while a view asks all threads.
        if !self.over.load(Ordering::Acquire) {
            return false;
        }
        let mail = self.mail.lock();
        // A thread with the order to retire stays `Claimed` until it has read the order.
        let has_no_routine = match (mail.standing, &mail.next) {
            (Standing::Working, _) | (Standing::Claimed, Some(Order::Retire { .. })) => true,
            (Standing::Idle(_) | Standing::Claimed, _) => false,
        };
        // Again, because a thread that takes a routine clears it under the lock.
        has_no_routine && self.over.load(Ordering::Acquire)
    }

    /// Called by a thread that has idled for too long and has claimed itself. Claimed -> working,
    /// on its way out.
    pub(super) fn set_leaving(&self) {
        self.mail.lock().standing = Standing::Working;
    }

    /// Gives the thread back the kernel's name with which it began, whatever a routine has made of
    /// it.
    pub(super) fn restore_name(&self) {
        let name = self.kernel_name.each_ref().map(|word| word.load(Ordering::Relaxed));
        if sys::kernel_name() != name {
            sys::set_kernel_name(&name);
        }
    }

    /// Working -> idle. Called by `Idle`, under the lock of the cache's state.
    pub(super) fn set_idle(&self, age: u64) {
        self.mail.lock().standing = Standing::Idle(age);
    }

    /// Idle -> claimed. The caller that gets the age owns the next order of this thread, and owes
    /// it a `give`.
    pub(super) fn claim(&self) -> Option<u64> {
        let mut mail = self.mail.lock();
        let Standing::Idle(age) = mail.standing else { return None };
        mail.standing = Standing::Claimed;
        Some(age)
    }

    /// Gives the thread its order. Called once before the thread is asked for, and once after each
    /// claim. Pairs with `next`.
    pub(super) fn give(&self, next: Order) {
        let mut mail = self.mail.lock();
        mail.next = Some(next);
        mail.standing = Standing::Claimed;
        // After the order is in. Pairs with `look_out`.
        self.mailed.store(true, Ordering::Release);
        drop(mail);
        // Pairs with `next`, which looks for the order under the lock: it either finds the order or
        // sleeps before this.
        self.woken.notify_one();
    }

    /// Takes the order back. Called by the spawner if the system has refused the thread.
    pub(super) fn take_order(&self) -> Option<Order> {
        self.mail.lock().next.take()
    }

    /// Polls for a moment for an order. Pairs with `give`.
    pub(super) fn look_out(&self) {
        spin_until(A_WAKE_UP, || self.mailed.load(Ordering::Acquire));
    }

    /// Blocks until there is an order; pairs with `give`. `None` if no thread has claimed this one
    /// by `end`. A thread that was never given back has to retire.
    pub(super) fn next(&self, end: Instant) -> Option<Order> {
        let mut mail = self.mail.lock();
        loop {
            if let Some(next) = mail.next.take() {
                // Claimed -> working.
                mail.standing = Standing::Working;
                self.over.store(matches!(next, Order::Retire { .. }), Ordering::Release);
                // Only this thread polls `mailed`, and the lock orders this store before that of
                // the next `give`.
                self.mailed.store(false, Ordering::Relaxed);
                return Some(next);
            }
            let standing = mail.standing;
            match standing {
                // Not given back, so no order will come.
                Standing::Working => return Some(Order::Retire { counted: false }),
                // Without a time-out, because the claimer owes an order.
                Standing::Claimed => self.woken.wait(&mut mail),
                Standing::Idle(_) => {
                    // Still idle at `end`: the caller tries to claim this thread itself, and waits
                    // on if a spawner was faster.
                    let waited = self.woken.wait_until(&mut mail, end);
                    if waited.timed_out() && mail.next.is_none() {
                        return None;
                    }
                }
            }
        }
    }

    /// Called by the thread on its way out, when it leaves its handle here. Pairs with
    /// `has_retired`.
    pub(super) fn set_retired(&self) {
        self.retired.store(true, Ordering::Release);
    }

    /// True if the thread is on its last lines. Acquire pairs with the Release of `set_retired`.
    pub(super) fn has_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Called by the thread itself, when another is to join it: `true` before its heir is asked
    /// for, `false` if the heir was refused.
    pub(crate) fn set_bequeathed(&self, yes: bool) {
        // Relaxed: `retire` reads it on the same thread; for `reap` it is no more than a reason to
        // pass the thread over.
        self.bequeathed.store(yes, Ordering::Relaxed);
    }

    pub(super) fn is_bequeathed(&self) -> bool {
        self.bequeathed.load(Ordering::Relaxed)
    }

    /// Called by the spawner when the OS has started the thread. Pairs with `take_handle`.
    pub(super) fn put_handle(&self, handle: JoinHandle<()>) {
        self.mail.lock().handle = Some(handle);
        self.woken.notify_one();
    }

    /// Takes the thread's join handle. Blocks while the spawner is between `spawn` and
    /// `put_handle`. Pairs with `put_handle`.
    pub(super) fn take_handle(&self) -> JoinHandle<()> {
        let mut mail = self.mail.lock();
        loop {
            if let Some(handle) = mail.handle.take() {
                return handle;
            }
            self.woken.wait(&mut mail);
        }
    }
}
