//! Owns one OS thread's mailbox: its own join handle, and what it is to do next.
//! Refuses to know the other threads: the cache does.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::atomic::{self, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::spin::{A_WAKE_UP, spin_until};
use super::thread_cache::ThreadCache;
use crate::rt::shown::kernel_name;
use crate::sync::local::*;
use crate::sync::{AtomicBool, AtomicU32, Condvar, JoinHandle, Mutex, locks};
use crate::sys;

per_thread! {
    /// The number of the OS thread that the calling thread has, also in its last destructors; 0 for a thread that is not ours.
    static OWN: Cell<u64> = const { Cell::new(0) };
}

/// The number of the OS thread that the calling thread has.
pub(super) fn own_number() -> u64 {
    OWN.get()
}

/// What a thread does; it contains its own panics. It calls [`OsThread::offer`] when only bookkeeping is left to be done, so
/// that whoever learns of its end finds the thread idle.
pub(crate) type Job = Box<dyn FnOnce(&Arc<OsThread>) + Send + 'static>;

/// `&'static str` is not copied.
pub(crate) type Name = Cow<'static, str>;

/// What a thread is to people, besides its name: for views. Kept when the job is gone, since the thread may hang after it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Title {
    pub(crate) purpose: Name,
    /// The path of the scope that the job is in.
    pub(crate) place: Arc<str>,
    /// Whom it joins, on its own way out.
    pub(crate) joins: Option<Name>,
}

/// How a thread is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ThreadOptions {
    pub(crate) stack_size: Option<usize>,
    /// Not one that another job has used or will use.
    pub(crate) dedicated: bool,
}

pub(super) enum Next {
    Work(Job),
    /// `counted` tells whether it is among those that are leaving already.
    Retire {
        counted: bool,
    },
}

pub(crate) struct OsThread {
    number: u64,
    name: Name,
    make: ThreadOptions,
    /// 0 until the thread has taken its first step, or where the system has none.
    kernel_id: AtomicU32,
    /// The kernel's name of the thread when it began; its own affair, hence in no model.
    kernel_name: [AtomicU64; 2],
    /// Of the last job, and whether that is over: for views alone, hence in no model.
    title: locks::Mutex<Title>,
    over: atomic::AtomicBool,
    cache: Weak<ThreadCache>,
    mail: Mutex<Mail>,
    /// There is something in `mail.next`: for those who look without the lock.
    mailed: AtomicBool,
    retired: AtomicBool,
    /// Delivery after `mail` was filled, by spawners and by those who send idle threads home.
    woken: Condvar,
}

#[derive(Default)]
struct Mail {
    handle: Option<JoinHandle<()>>,
    next: Option<Next>,
    place: Place,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Working,
    /// Among the idle, under this age.
    Idle(u64),
    /// Taken from among the idle: `next` is on its way.
    Claimed,
}

impl OsThread {
    pub(super) fn new(
        number: u64,
        name: Name,
        make: ThreadOptions,
        cache: Weak<ThreadCache>,
    ) -> Arc<OsThread> {
        Arc::new(OsThread {
            number,
            name,
            make,
            kernel_id: AtomicU32::new(0),
            kernel_name: Default::default(),
            title: locks::Mutex::default(),
            over: atomic::AtomicBool::new(false),
            cache,
            mail: Mutex::default(),
            mailed: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            woken: Condvar::new(),
        })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    pub(super) fn options(&self) -> ThreadOptions {
        self.make
    }

    /// By the thread itself, with its first step.
    pub(super) fn begin(&self) {
        OWN.set(self.number);
        // std has given the kernel the first bytes as they are.
        let name = kernel_name(&self.name, sys::NAME_BYTES);
        if !self.name.as_bytes().starts_with(name.as_bytes())
            || name.len() < self.name.len().min(sys::NAME_BYTES)
        {
            sys::set_thread_name(&name);
        }
        let words = self.kernel_name.iter().zip(sys::kernel_name());
        words.for_each(|(word, now)| word.store(now, Ordering::Relaxed));
        self.kernel_id.store(sys::thread_id().unwrap_or(0), Ordering::Release);
    }

    pub(super) fn kernel_id(&self) -> Option<u32> {
        Some(self.kernel_id.load(Ordering::Acquire)).filter(|id| *id != 0)
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.mail.lock().place, Place::Idle(_))
    }

    /// By the job, with its first step. Most often it is what the one before it was.
    pub(crate) fn set_title(&self, purpose: &Name, place: &Arc<str>) {
        let mut title = self.title.lock();
        if Arc::ptr_eq(&title.place, place) && title.purpose == *purpose {
            return;
        }
        let last = std::mem::replace(
            &mut *title,
            Title { purpose: purpose.clone(), place: Arc::clone(place), joins: None },
        );
        drop(title);
        drop(last);
    }

    pub(super) fn set_joins(&self, whom: Option<Name>) {
        let before = std::mem::replace(&mut self.title.lock().joins, whom);
        drop(before);
    }

    pub(super) fn title(&self) -> Title {
        self.title.lock().clone()
    }

    /// By the job, when it is nothing but bookkeeping and the end of its thread: what hangs from now on is no job.
    pub(crate) fn set_over(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// True for a thread that has no job and will get none: it is on its way out, and may hang in a destructor.
    pub(super) fn is_ending(&self) -> bool {
        let mail = self.mail.lock();
        let has_no_job = match (mail.place, &mail.next) {
            (Place::Working, _) | (Place::Claimed, Some(Next::Retire { .. })) => true,
            (Place::Idle(_) | Place::Claimed, _) => false,
        };
        has_no_job && self.over.load(Ordering::Acquire)
    }

    /// It has idled for too long, and claimed itself: what it does now is end.
    pub(super) fn set_leaving(&self) {
        self.mail.lock().place = Place::Working;
    }

    /// The thread may be given another job from now on, by the thread itself; with what threads of the root begin with, whatever
    /// the last job has made of it. Not if it has made another priority: the next one did not ask for that, and may not be allowed to
    /// take it back.
    pub(crate) fn give_back(self: &Arc<Self>) {
        if self.make.dedicated {
            return;
        }
        let name = self.kernel_name.each_ref().map(|word| word.load(Ordering::Relaxed));
        if sys::kernel_name() != name {
            sys::set_kernel_name(&name);
        }
        if let Some(cache) = self.cache.upgrade().filter(|cache| cache.attributes().take_back()) {
            cache.keep_warm(self);
        }
    }

    pub(super) fn set_idle(&self, age: u64) {
        self.mail.lock().place = Place::Idle(age);
    }

    /// Whoever gets the age has the OS thread to himself, and owes it a `give`.
    pub(super) fn claim(&self) -> Option<u64> {
        let mut mail = self.mail.lock();
        let Place::Idle(age) = mail.place else { return None };
        mail.place = Place::Claimed;
        Some(age)
    }

    pub(super) fn give(&self, next: Next) {
        let mut mail = self.mail.lock();
        mail.next = Some(next);
        mail.place = Place::Claimed;
        self.mailed.store(true, Ordering::Release);
        drop(mail);
        // Pairs with `next`, which looks under the lock.
        self.woken.notify_one();
    }

    /// Stays awake for a moment, in case there is something to do.
    pub(super) fn look_out(&self) {
        spin_until(A_WAKE_UP, || self.mailed.load(Ordering::Acquire));
    }

    /// Blocks until there is something to do; `None` if nobody has claimed the thread until `end`. One that was never
    /// offered is to retire.
    pub(super) fn next(&self, end: Instant) -> Option<Next> {
        let mut mail = self.mail.lock();
        loop {
            if let Some(next) = mail.next.take() {
                mail.place = Place::Working;
                self.over.store(matches!(next, Next::Retire { .. }), Ordering::Release);
                self.mailed.store(false, Ordering::Relaxed);
                return Some(next);
            }
            let place = mail.place;
            match place {
                Place::Working => return Some(Next::Retire { counted: false }),
                Place::Claimed => self.woken.wait(&mut mail),
                Place::Idle(_) => {
                    let waited = self.woken.wait_until(&mut mail, end);
                    if waited.timed_out() && mail.next.is_none() {
                        return None;
                    }
                }
            }
        }
    }

    pub(super) fn set_retired(&self) {
        self.retired.store(true, Ordering::Release);
    }

    pub(super) fn has_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    pub(super) fn put_handle(&self, handle: JoinHandle<()>) {
        self.mail.lock().handle = Some(handle);
        self.woken.notify_one();
    }

    /// The thread's own join handle; its spawner may be between `spawn` and `put_handle`, and rings when it is there.
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
