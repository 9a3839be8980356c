//! Owns which threads block which signals.
//! Refuses to know what handles them.
//!
//! A signal that is sent to a process is handled by *one* of its threads that do not block it, whose system call then may end
//! with `EINTR` (`signal(7)` lists the calls that `SA_RESTART` does not restart). Linux asks the main thread first, then the
//! others in the order of their age, beginning with the one that it took the last time. So:
//!
//! | thread | blocks, while a registry runs |
//! |---|---|
//! | the internal ones, which are older than all that the registry starts | nothing that is taken |
//! | the main thread, if it runs the registry | all that is taken |
//! | those of scopes | the *quiet* ones, after which the program goes on: dumps and forwarded signals |
//! | others | what they have blocked themselves |
//!
//! It is no more than that, since what a thread blocks is blocked in each child process that it starts, for ever, and a signal
//! that is raised in that thread alone reaches no handler (but see `handlers::hand_on_raised`).
#![allow(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

/// The quiet ones of the registry that runs.
static QUIET: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// What the calling thread blocks because of us. Without a destructor: signal handlers and forked children may look at it.
    static HELD: Cell<u64> = const { Cell::new(0) };
}

pub(super) fn bit(signal: i32) -> u64 {
    u32::try_from(signal - 1).ok().and_then(|shift| 1_u64.checked_shl(shift)).unwrap_or(0)
}

pub(super) fn signals_in(bits: u64) -> impl Iterator<Item = i32> {
    (1..=64).filter(move |signal| bits & bit(*signal) != 0)
}

fn bits_of(signals: &[i32]) -> u64 {
    signals.iter().map(|signal| bit(*signal)).fold(0, |all, one| all | one)
}

fn set_of(bits: u64) -> libc::sigset_t {
    // SAFETY: all-zero is a valid `sigset_t`, and it is emptied next.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is valid for writing.
    unsafe { libc::sigemptyset(&raw mut set) };
    for signal in signals_in(bits) {
        // SAFETY: as above; a number that is no signal is an error, and not in the set.
        unsafe { libc::sigaddset(&raw mut set, signal) };
    }
    set
}

/// EventCount the mask of the calling thread, and says what it was.
fn change_mask(how: libc::c_int, set: &libc::sigset_t) -> io::Result<libc::sigset_t> {
    let mut before = set_of(0);
    // SAFETY: both sets are valid. In a handler and in a forked child it may be called as well: it is one system call.
    match unsafe { libc::pthread_sigmask(how, set, &raw mut before) } {
        0 => Ok(before),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Those of `bits` that are in `set`.
fn contained(set: &libc::sigset_t, bits: u64) -> u64 {
    // SAFETY: the set is valid; the number is a signal, or the answer an error.
    let has = |signal: &i32| unsafe { libc::sigismember(set, *signal) } == 1;
    signals_in(bits).filter(has).map(bit).fold(0, |all, one| all | one)
}

/// What the threads of a root block.
#[derive(Clone, Copy)]
pub(super) struct Mask {
    set: libc::sigset_t,
    /// Those that are in it because of us.
    held: u64,
}

impl Mask {
    /// What the calling thread blocks by itself, and the quiet ones.
    pub(super) fn of_root() -> Mask {
        let none = set_of(0);
        let mut set = change_mask(libc::SIG_BLOCK, &none).unwrap_or(none);
        for signal in signals_in(HELD.get()) {
            // SAFETY: the set is valid.
            unsafe { libc::sigdelset(&raw mut set, signal) };
        }
        let quiet = QUIET.load(Ordering::Acquire);
        let held = quiet & !contained(&set, quiet);
        for signal in signals_in(held) {
            // SAFETY: as above.
            unsafe { libc::sigaddset(&raw mut set, signal) };
        }
        Mask { set, held }
    }

    /// From now on the calling thread blocks this, and nothing else.
    pub(super) fn set(&self) {
        HELD.set(self.held);
        let _valid = change_mask(libc::SIG_SETMASK, &self.set);
    }
}

/// Blocks or unblocks one signal in the calling thread; threads that it starts inherit that.
#[cfg(target_os = "linux")]
pub(crate) fn block_signal(signal: i32, blocked: bool) -> io::Result<()> {
    if bit(signal) == 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let how = if blocked { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
    change_mask(how, &set_of(bit(signal))).map(|_| ())
}

/// For an internal thread: it handles these signals, whatever the thread blocks that has started it.
pub(crate) fn hear(signals: &[i32]) {
    HELD.set(HELD.get() & !bits_of(signals));
    let _valid = change_mask(libc::SIG_UNBLOCK, &set_of(bits_of(signals)));
}

/// Signals that a thread blocks, for the child that it forks.
#[derive(Clone, Copy)]
pub(super) struct Blocked(libc::sigset_t);

impl Blocked {
    /// Those of `signals` that the calling thread blocks.
    pub(super) fn of_this_thread(signals: &[i32]) -> Blocked {
        let none = set_of(0);
        let now = change_mask(libc::SIG_BLOCK, &none).unwrap_or(none);
        Blocked(set_of(contained(&now, bits_of(signals))))
    }

    /// In the forked child: one system call.
    pub(super) fn unblock(&self) {
        let _valid = change_mask(libc::SIG_UNBLOCK, &self.0);
    }
}

/// From now on a write of the calling thread where nobody reads is told so (`EPIPE`), and no end of the process by SIGPIPE.
pub(crate) fn bear_closed_pipes() {
    let _valid = change_mask(libc::SIG_BLOCK, &set_of(bit(libc::SIGPIPE)));
}

/// Runs `f`, in which a write where nobody reads is told so (`EPIPE`), and is no end of the process by SIGPIPE. May be called in a
/// signal handler.
pub(super) fn without_broken_pipes<R>(f: impl FnOnce() -> R) -> R {
    let pipe = set_of(bit(libc::SIGPIPE));
    let before = change_mask(libc::SIG_BLOCK, &pipe);
    let result = f();
    // The kernel sends the signal to the thread that writes: one that came meanwhile waits here, and is taken away.
    #[cfg(target_os = "linux")]
    if before.is_ok_and(|before| contained(&before, bit(libc::SIGPIPE)) == 0) {
        let (now, no_details) = (libc::timespec { tv_sec: 0, tv_nsec: 0 }, std::ptr::null_mut());
        // SAFETY: set and time are valid; the details of the signal are not asked for.
        let _there_may_be_none = unsafe { libc::sigtimedwait(&raw const pipe, no_details, &raw const now) };
        let _valid = change_mask(libc::SIG_UNBLOCK, &pipe);
    }
    // Without that call the signal stays blocked: it would end the process now.
    #[cfg(not(target_os = "linux"))]
    let _stays_blocked = before;
    result
}

/// While it lives, the thread that made it is not the one that handles these signals.
#[derive(Debug)]
pub(crate) struct Spared {
    bits: u64,
    /// The mask is the calling thread's: it stays there.
    _here: PhantomData<*const ()>,
}

impl Spared {
    /// Blocks `taken` in the calling thread if the kernel would choose it: if it is the main thread. Threads of roots that begin
    /// from now on block the `quiet` ones among them.
    pub(crate) fn new(taken: &[i32], quiet: &[i32]) -> Spared {
        QUIET.store(bits_of(quiet), Ordering::Release);
        let wanted = if super::is_main_thread() { bits_of(taken) } else { 0 };
        let before = change_mask(libc::SIG_BLOCK, &set_of(wanted));
        let bits = before.map_or(0, |before| wanted & !contained(&before, wanted));
        HELD.set(HELD.get() | bits);
        Spared { bits, _here: PhantomData }
    }
}

impl Drop for Spared {
    fn drop(&mut self) {
        QUIET.store(0, Ordering::Release);
        HELD.set(HELD.get() & !self.bits);
        let _valid = change_mask(libc::SIG_UNBLOCK, &set_of(self.bits));
    }
}

/// Runs `f` with these signals unblocked.
pub(super) fn with_unblocked<R>(bits: u64, f: impl FnOnce() -> R) -> R {
    struct Back(Option<libc::sigset_t>);
    impl Drop for Back {
        fn drop(&mut self) {
            self.0.iter().for_each(|before| drop(change_mask(libc::SIG_SETMASK, before)));
        }
    }
    let _back = Back(change_mask(libc::SIG_UNBLOCK, &set_of(bits)).ok());
    f()
}

/// Takes the signals that the calling thread blocks because of us and that wait for it, and hands each to `handle`.
#[cfg(target_os = "linux")]
pub(super) fn take_raised(handle: impl Fn(i32, &mut libc::siginfo_t)) {
    let held = HELD.get();
    if held == 0 {
        return;
    }
    let mut pending = set_of(0);
    // SAFETY: `pending` is valid for writing.
    let refused = unsafe { libc::sigpending(&raw mut pending) };
    if refused != 0 {
        return;
    }
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    for signal in signals_in(contained(&pending, held)) {
        // SAFETY: all-zero is a valid `siginfo_t`.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: set, time and `info` are valid. *watch* may have taken one that was sent to the process: then there is none.
        let taken = unsafe { libc::sigtimedwait(&set_of(bit(signal)), &raw mut info, &raw const now) };
        if taken == signal {
            handle(signal, &mut info);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn take_raised(_handle: impl Fn(i32, &mut libc::siginfo_t)) {}

/// In a forked child: what was blocked because of us is not any more.
pub(super) fn forget() {
    let _valid = change_mask(libc::SIG_UNBLOCK, &set_of(HELD.replace(0)));
}
