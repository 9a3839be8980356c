//! Owns which threads block which signals.
//! Refuses to know the handlers.
//!
//! A signal that is sent to a process is handled by *one* of its threads that do not block the
//! signal. A system call of that thread may then end with `EINTR` (`signal(7)` lists the calls that
//! `SA_RESTART` does not restart). Linux asks the main thread first, then the other threads in the
//! order of their age, beginning with the thread that it took the last time. So:
//!
//! | thread | blocks, while a registry runs |
//! |---|---|
//! | internal threads, which are older than all that the registry starts | nothing that is taken |
//! | the main thread, if it runs the registry | all signals that are taken |
//! | threads of scopes | the *quiet* signals, after which the program goes on (dumps, forwarded) |
//! | other threads | what they have blocked themselves |
//!
//! No more than that is blocked, because each child process inherits the mask of the thread that
//! starts it, for ever, and because a signal that is raised in a thread that blocks it reaches no
//! handler (but see `handlers::hand_on_raised`).
#![allow(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

/// The quiet signals of the registry that runs, as bits. Written by `Spared`, read by
/// `Mask::of_root`.
static QUIET: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The signals that the calling thread blocks because of us, as bits. Written by `Spared`,
    /// `Mask::set`, `hear` and `forget`. A plain `Cell` has no destructor, so signal handlers and
    /// forked children may look at it.
    static HELD: Cell<u64> = const { Cell::new(0) };
}

/// Returns the bit of a signal: signal n is bit n - 1. 0 for a number that cannot be a signal.
pub(super) fn bit(signal: i32) -> u64 {
    u32::try_from(signal - 1).ok().and_then(|shift| 1_u64.checked_shl(shift)).unwrap_or(0)
}

/// Returns the signals of these bits. One step for each, because each wait of a registry's thread
/// asks for few signals or none.
pub(super) fn signals_in(mut bits: u64) -> impl Iterator<Item = i32> {
    std::iter::from_fn(move || {
        // Signal n is bit n - 1. Without a bit there are 64 zeros, and no signal 65.
        let lowest = i32::try_from(bits.trailing_zeros()).ok().filter(|zeros| *zeros < 64)?;
        bits &= bits - 1;
        Some(lowest + 1)
    })
}

fn bits_of(signals: &[i32]) -> u64 {
    signals.iter().map(|signal| bit(*signal)).fold(0, |all, one| all | one)
}

fn set_of(bits: u64) -> libc::sigset_t {
    // SAFETY: all-zero bytes are a valid `sigset_t`, and it is emptied next.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is valid for writing.
    unsafe { libc::sigemptyset(&raw mut set) };
    for signal in signals_in(bits) {
        // SAFETY: as above. A number that is no signal is an error, and does not get into the set.
        unsafe { libc::sigaddset(&raw mut set, signal) };
    }
    set
}

/// Changes the mask of the calling thread, and returns the mask before.
fn change_mask(how: libc::c_int, set: &libc::sigset_t) -> io::Result<libc::sigset_t> {
    let mut before = set_of(0);
    // SAFETY: both sets are valid. The call is one system call, so handlers and forked children may
    // make it as well.
    match unsafe { libc::pthread_sigmask(how, set, &raw mut before) } {
        0 => Ok(before),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Returns the part of `bits` that is in `set`.
fn contained(set: &libc::sigset_t, bits: u64) -> u64 {
    // SAFETY: `set` is valid. For a number that is no signal the call returns an error.
    let has = |signal: &i32| unsafe { libc::sigismember(set, *signal) } == 1;
    signals_in(bits).filter(has).map(bit).fold(0, |all, one| all | one)
}

/// The signals that the threads of a root block.
#[derive(Clone, Copy)]
pub(super) struct Mask {
    set: libc::sigset_t,
    /// The part of `set` that is blocked because of us.
    held: u64,
}

impl Mask {
    /// Returns the signals that the calling thread blocks by its own choice, and the quiet signals.
    pub(super) fn of_root() -> Mask {
        let none = set_of(0);
        let mut set = change_mask(libc::SIG_BLOCK, &none).unwrap_or(none);
        // Leave out the signals that this thread blocks because of us, because they are meant for
        // this thread alone, which may be the main thread.
        for signal in signals_in(HELD.get()) {
            // SAFETY: `set` is valid for writing.
            unsafe { libc::sigdelset(&raw mut set, signal) };
        }
        let quiet = QUIET.load(Ordering::Acquire);
        // A signal that is blocked by choice is not ours to unblock.
        let held = quiet & !contained(&set, quiet);
        for signal in signals_in(held) {
            // SAFETY: as above.
            unsafe { libc::sigaddset(&raw mut set, signal) };
        }
        Mask { set, held }
    }

    /// Makes the calling thread block these signals, and no others.
    pub(super) fn set(&self) {
        HELD.set(self.held);
        let _valid = change_mask(libc::SIG_SETMASK, &self.set);
    }
}

/// Blocks or unblocks one signal in the calling thread. Threads that it starts inherit this.
#[cfg(target_os = "linux")]
pub(crate) fn block_signal(signal: i32, blocked: bool) -> io::Result<()> {
    if bit(signal) == 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let how = if blocked { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
    change_mask(how, &set_of(bit(signal))).map(|_| ())
}

/// Makes an internal thread handle these signals, whatever the thread that started it blocks.
pub(crate) fn hear(signals: &[i32]) {
    HELD.set(HELD.get() & !bits_of(signals));
    let _valid = change_mask(libc::SIG_UNBLOCK, &set_of(bits_of(signals)));
}

/// Signals that a thread blocks, and that a child that it forks must not block.
#[derive(Clone, Copy)]
pub(super) struct BlockedSignals(libc::sigset_t);

impl BlockedSignals {
    /// Returns the part of `signals` that the calling thread blocks.
    pub(super) fn of_this_thread(signals: &[i32]) -> BlockedSignals {
        let none = set_of(0);
        let now = change_mask(libc::SIG_BLOCK, &none).unwrap_or(none);
        BlockedSignals(set_of(contained(&now, bits_of(signals))))
    }

    /// Unblocks these signals, in the forked child. This is one system call, so it is allowed
    /// there.
    pub(super) fn unblock(&self) {
        let _valid = change_mask(libc::SIG_UNBLOCK, &self.0);
    }
}

/// The signals that the kernel sends to a thread whose write it refuses, as bits: the pipe has no
/// reader, the file is as long as the process may make it (`RLIMIT_FSIZE`), or the process is in
/// the background of a terminal that lets only the foreground write (`stty tostop`). Their default
/// action ends or stops the process. With the signal blocked, the write says it all, with `EPIPE`
/// or `EFBIG`; and the terminal takes it, also from the background.
const OF_REFUSED_WRITES: u64 = 1 << (libc::SIGPIPE - 1) | 1 << (libc::SIGXFSZ - 1) | 1 << (libc::SIGTTOU - 1);

/// From now on, a write of the calling thread that the system refuses is an error, and no signal
/// ends or stops the process.
pub(crate) fn bear_refused_writes() {
    let _valid = change_mask(libc::SIG_BLOCK, &set_of(OF_REFUSED_WRITES));
}

/// Runs `f`. In it, a write that the system refuses is an error, and no signal ends or stops the
/// process.
/// May be called in a signal handler.
pub(crate) fn with_refused_writes<R>(f: impl FnOnce() -> R) -> R {
    let before = change_mask(libc::SIG_BLOCK, &set_of(OF_REFUSED_WRITES));
    let result = f();
    if let Ok(before) = before {
        forget_refused_writes(&before);
    }
    result
}

/// Puts the mask back to `before`. The kernel sends these signals to the thread that writes, so a
/// signal that came meanwhile is pending here, and is taken away before the signal is unblocked.
#[cfg(target_os = "linux")]
fn forget_refused_writes(before: &libc::sigset_t) {
    let added = set_of(OF_REFUSED_WRITES & !contained(before, OF_REFUSED_WRITES));
    let (now, no_details) = (libc::timespec { tv_sec: 0, tv_nsec: 0 }, std::ptr::null_mut());
    // Each signal is pending once at most.
    // SAFETY: set and time are valid. The null pointer says that the details are not wanted.
    let take = || unsafe { libc::sigtimedwait(&raw const added, no_details, &raw const now) };
    while take() > 0 || io::Error::last_os_error().kind() == io::ErrorKind::Interrupted {}
    let _valid = change_mask(libc::SIG_UNBLOCK, &added);
}

/// Without `sigtimedwait`, the signals stay blocked, because a pending one would end the process at
/// the unblocking.
#[cfg(not(target_os = "linux"))]
fn forget_refused_writes(_before: &libc::sigset_t) {}

/// While a value lives, the thread that made it does not handle these signals.
#[derive(Debug)]
pub(crate) struct Spared {
    /// The signals that `new` has blocked, and that the drop unblocks.
    bits: u64,
    /// Keeps the value on its thread, because the mask is that thread's.
    _here: PhantomData<*const ()>,
}

impl Spared {
    /// Blocks `taken` in the calling thread if it is the main thread, which the kernel would choose
    /// first. Threads of roots that begin from now on block the `quiet` signals.
    pub(crate) fn new(taken: &[i32], quiet: &[i32]) -> Spared {
        QUIET.store(bits_of(quiet), Ordering::Release);
        let wanted = if super::is_main_thread() { bits_of(taken) } else { 0 };
        let before = change_mask(libc::SIG_BLOCK, &set_of(wanted));
        // Without the signals that were blocked before, because the drop must not unblock them.
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

/// Runs `f` with these signals unblocked, and restores the mask, also after a panic.
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

/// Takes the signals that are pending in the calling thread and that the thread blocks because of
/// us. Calls `handle` with each.
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
        // SAFETY: all-zero bytes are a valid `siginfo_t`.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: set, time and `info` are valid. If *watch* has taken a signal that was sent to
        // the process, the call finds none.
        let taken = unsafe { libc::sigtimedwait(&set_of(bit(signal)), &raw mut info, &raw const now) };
        if taken == signal {
            handle(signal, &mut info);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn take_raised(_handle: impl Fn(i32, &mut libc::siginfo_t)) {}

/// In a forked child: unblocks what is blocked because of us.
pub(super) fn forget() {
    let _valid = change_mask(libc::SIG_UNBLOCK, &set_of(HELD.replace(0)));
}
