//! Owns the loan of this process's controlling terminal to the process group of one child at a time: given, taken back,
//! and taken back at an end by force.
//! Refuses to know why, and to take the terminal from a group that did not get it
//! here: that would be the shell's.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, getpid, test_kill_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

use super::namespace::own_group;

/// The process that may lend: a forked copy has these words, too, and has lent nothing. 0 if nobody may.
static LENDER: AtomicI32 = AtomicI32::new(0);
/// The terminal's descriptor. Written before `BORROWER`.
static DESCRIPTOR: AtomicI32 = AtomicI32::new(-1);
/// The group that has it; 0 if it is not lent.
static BORROWER: AtomicI32 = AtomicI32::new(0);
/// In the place of a group: a child that is being started, and may have taken it.
const SOMEBODY: i32 = -1;

/// The controlling terminal, which nobody else can lend while this lives.
pub(crate) struct Terminal {
    fd: OwnedFd,
    /// How it was before it was lent.
    modes: Option<Termios>,
}

impl Terminal {
    /// `None` if this process has no controlling terminal.
    ///
    /// # Errors
    /// `ResourceBusy` if it is lent; what the system says otherwise.
    pub(crate) fn open() -> io::Result<Option<Terminal>> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY;
        let fd = match rustix::fs::open("/dev/tty", flags, Mode::empty()) {
            Ok(fd) => super::standard::above_standard(fd),
            Err(Errno::NXIO | Errno::NOENT | Errno::NODEV) => return Ok(None),
            Err(refused) => return Err(refused.into()),
        };
        let me = pid(getpid());
        let free = |lender: i32| (lender != me).then_some(me);
        if LENDER.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).is_err() {
            let why = "another child has the terminal: two cannot be in its foreground at a time";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
        }
        BORROWER.store(0, Ordering::Release);
        DESCRIPTOR.store(fd.as_raw_fd(), Ordering::Release);
        let modes = tcgetattr(&fd).ok();
        Ok(Some(Terminal { fd, modes }))
    }

    /// True if the group of this process is in its foreground.
    pub(crate) fn in_foreground(&self) -> bool {
        own_group().is_some_and(|ours| tcgetpgrp(&self.fd) == Ok(ours))
    }

    /// What a child takes it by, between its fork and its `exec`: see [`take`]. `None` if it is not ours to lend.
    pub(super) fn for_child(&self) -> Option<RawFd> {
        let ours = self.in_foreground();
        BORROWER.store(if ours { SOMEBODY } else { 0 }, Ordering::Release);
        ours.then_some(self.fd.as_raw_fd())
    }

    /// Notes which child has taken it.
    pub(super) fn taken_by(&self, group: Pid) {
        let taken = tcgetpgrp(&self.fd) == Ok(group);
        BORROWER.store(if taken { pid(group) } else { 0 }, Ordering::Release);
    }

    /// Lends it, if it is ours to lend.
    pub(crate) fn give(&self, group: u32) {
        let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) else { return };
        if self.in_foreground() && set_foreground(self.fd.as_fd(), group).is_ok() {
            BORROWER.store(pid(group), Ordering::Release);
        }
    }

    /// Takes it back; with `reset` it is as before: who was killed had no time for that.
    pub(crate) fn take_back(&self, reset: bool) {
        if take_back(self.fd.as_fd()) && reset {
            let modes = self.modes.as_ref();
            // Not `Drain`: that waits for whoever is at its other end.
            let set = |modes| tcsetattr(&self.fd, OptionalActions::Now, modes);
            let _hung_up = modes.map(|modes| with_blocked(libc::SIGTTOU, || set(modes)));
        }
        BORROWER.store(0, Ordering::Release);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.take_back(false);
        // Before the descriptor is closed, and its number another's.
        DESCRIPTOR.store(-1, Ordering::Release);
        LENDER.store(0, Ordering::Release);
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("fd", &self.fd).finish_non_exhaustive()
    }
}

/// Takes a terminal back that is lent: for whoever ends this process next. May be called in a signal handler: it reads
/// words and makes system calls that do not wait.
pub(crate) fn take_back_now() {
    let lent = LENDER.load(Ordering::Acquire) == pid(getpid()) && BORROWER.load(Ordering::Acquire) != 0;
    let fd = DESCRIPTOR.load(Ordering::Acquire);
    if lent && fd >= 0 {
        // SAFETY: it is open, or was closed a moment ago: then the calls below are refused, or ask another terminal
        // that is ours for its group, and find that it is not the borrower.
        take_back(unsafe { BorrowedFd::borrow_raw(fd) });
    }
}

/// In a child between its fork and its `exec`: takes the terminal for its own group. Two system calls, and no allocation.
pub(super) fn take(fd: RawFd) -> io::Result<()> {
    // SAFETY: the descriptor is the copy of one that is open in the parent until the fork is over.
    Ok(set_foreground(unsafe { BorrowedFd::borrow_raw(fd) }, getpid())?)
}

/// A group that is not in the foreground is stopped for this, unless the thread blocks the signal that would do that.
fn set_foreground(fd: BorrowedFd<'_>, group: Pid) -> rustix::io::Result<()> {
    with_blocked(libc::SIGTTOU, || tcsetpgrp(fd, group))
}

/// True if it was the borrower's. A group of which nobody is left needs it no more.
fn take_back(fd: BorrowedFd<'_>) -> bool {
    let lent = BORROWER.load(Ordering::Acquire) != 0;
    let now = tcgetpgrp(fd);
    let free = |now| is_borrower(now) || test_kill_process_group(now) == Err(Errno::SRCH);
    lent && now.is_ok_and(free) && own_group().is_some_and(|ours| set_foreground(fd, ours).is_ok())
}

fn is_borrower(group: Pid) -> bool {
    pid(group) == BORROWER.load(Ordering::Acquire)
}

fn pid(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}

/// Suspends this process, as Ctrl-Z does with all of its group, and returns when it goes on. At once if nobody could
/// wake it (its group is an orphan), or if the program has its own way with that signal.
pub(crate) fn suspend() {
    if !super::action::has_default_action(libc::SIGTSTP) {
        return;
    }
    with_blocked(libc::SIGTSTP, || {
        // Two signals, of which one stop is made: the continuation clears what is pending. The one to the group wakes
        // any thread of ours, and this thread would run on for a moment; the one to this thread is delivered when it is
        // unblocked below, unless it has stood still already.
        // SAFETY: it has no preconditions.
        let _a_signal = unsafe { libc::raise(libc::SIGTSTP) };
        let _ours = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
    });
}

/// Calls `f` while this thread blocks a signal. Async-signal-safe, and so is its use between fork and `exec`.
fn with_blocked<R>(signal: i32, f: impl FnOnce() -> R) -> R {
    // SAFETY: all-zero is a valid `sigset_t`, and it is emptied next.
    let (mut set, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { std::mem::zeroed() };
    // SAFETY: the set is valid for writing.
    unsafe { libc::sigemptyset(&raw mut set) };
    // SAFETY: as above, and the signal is one.
    unsafe { libc::sigaddset(&raw mut set, signal) };
    // SAFETY: both sets are valid.
    let blocked = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before) } == 0;
    let result = f();
    if blocked {
        // SAFETY: `before` was written above; a null old set is not written.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()) };
    }
    result
}
