//! Owns the loan of this process's controlling terminal to the process group of one child at a
//! time: lending it, and taking it back, also at an end by force.
//! Refuses to know the reason, and to take the terminal from a group that did not get it here,
//! because such a group is the shell's.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, getpid, test_kill_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

use super::namespace::own_group;

/// The pid of the process that may lend; 0 if none may. Written by `Terminal`. A forked child has a
/// copy of these words, and has lent nothing.
static LENDER: AtomicI32 = AtomicI32::new(0);
/// The descriptor of the terminal; -1 for none. Written by `Terminal`, before `BORROWER`.
static DESCRIPTOR: AtomicI32 = AtomicI32::new(-1);
/// The group that has the terminal; `STARTING` while a child may take it; 0 if it is not lent.
static BORROWER: AtomicI32 = AtomicI32::new(0);
/// In `BORROWER`, for a child that is being started, and may have taken the terminal already.
const STARTING: i32 = -1;

/// The controlling terminal. While the value lives, no other code can lend it.
pub(crate) struct Terminal {
    fd: OwnedFd,
    /// The settings before the loan; `None` if the terminal did not report them.
    modes: Option<Termios>,
}

impl Terminal {
    /// Opens the controlling terminal. `None` if this process has none.
    ///
    /// # Errors
    /// `ResourceBusy` if the terminal is lent, or the refusal of the system.
    pub(crate) fn open() -> io::Result<Option<Terminal>> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY;
        let fd = match rustix::fs::open("/dev/tty", flags, Mode::empty()) {
            Ok(fd) => super::standard::above_standard(fd),
            Err(Errno::NXIO | Errno::NOENT | Errno::NODEV) => return Ok(None),
            Err(refused) => return Err(refused.into()),
        };
        let me = pid(getpid());
        // The pid of another process is a copy from before a fork, and does not count.
        let free = |lender: i32| (lender != me).then_some(me);
        if LENDER.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).is_err() {
            let why = "another child has the terminal: two cannot be in its foreground at a time";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
        }
        BORROWER.store(0, Ordering::Release);
        DESCRIPTOR.store(fd.as_raw_fd(), Ordering::Release);
        // Read before the loan, so that `take_back` can restore them.
        let modes = tcgetattr(&fd).ok();
        Ok(Some(Terminal { fd, modes }))
    }

    /// True if the group of this process is in the foreground of the terminal.
    pub(crate) fn in_foreground(&self) -> bool {
        own_group().is_some_and(|ours| tcgetpgrp(&self.fd) == Ok(ours))
    }

    /// Returns the descriptor by which a child takes the terminal between its fork and its `exec`
    /// (see [`take`]). `None` if the terminal is not ours to lend.
    pub(super) fn for_child(&self) -> Option<RawFd> {
        let ours = self.in_foreground();
        // Not lent -> being lent. Before the fork, so that an end by force takes the terminal back
        // also if `taken_by` was not called yet.
        BORROWER.store(if ours { STARTING } else { 0 }, Ordering::Release);
        ours.then_some(self.fd.as_raw_fd())
    }

    /// Notes the child that has taken the terminal: being lent -> lent, or not lent if the child
    /// has not taken it.
    pub(super) fn taken_by(&self, group: Pid) {
        let taken = tcgetpgrp(&self.fd) == Ok(group);
        BORROWER.store(if taken { pid(group) } else { 0 }, Ordering::Release);
    }

    /// Lends the terminal to a group, if it is ours to lend.
    pub(crate) fn give(&self, group: u32) {
        let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) else { return };
        if self.in_foreground() && set_foreground(self.fd.as_fd(), group).is_ok() {
            BORROWER.store(pid(group), Ordering::Release);
        }
    }

    /// Takes the terminal back: lent -> not lent. With `reset`, restores its settings, because a
    /// child that was killed had no time to do so.
    pub(crate) fn take_back(&self, reset: bool) {
        if take_back(self.fd.as_fd()) && reset {
            let modes = self.modes.as_ref();
            // Not `Drain`, which waits until the output is read at the other end.
            let set = |modes| tcsetattr(&self.fd, OptionalActions::Now, modes);
            let _hung_up = modes.map(|modes| with_blocked(libc::SIGTTOU, || set(modes)));
        }
        BORROWER.store(0, Ordering::Release);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.take_back(false);
        // Before the descriptor is closed, because another file may get its number then.
        DESCRIPTOR.store(-1, Ordering::Release);
        LENDER.store(0, Ordering::Release);
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("fd", &self.fd).finish_non_exhaustive()
    }
}

/// Takes the terminal back if it is lent. Called by a thread that ends this process next. May be
/// called in a signal handler, because it reads words and makes system calls that do not wait.
pub(crate) fn take_back_now() {
    // `BORROWER` before `DESCRIPTOR`, which is written in the other order (acquire here, release
    // there), so a borrower that is seen here has a descriptor.
    let lent = LENDER.load(Ordering::Acquire) == pid(getpid()) && BORROWER.load(Ordering::Acquire) != 0;
    let fd = DESCRIPTOR.load(Ordering::Acquire);
    if lent && fd >= 0 {
        // SAFETY: the descriptor is open, or was closed a moment ago. In the second case, the calls
        // below are refused, or they ask another terminal of ours for its group, and find that it
        // is not the borrower.
        take_back(unsafe { BorrowedFd::borrow_raw(fd) });
    }
}

/// In a child between its fork and its `exec`: takes the terminal for the child's own group. Makes
/// a few system calls, and allocates nothing.
pub(super) fn take(fd: RawFd) -> io::Result<()> {
    // SAFETY: the descriptor is a copy of one that stays open in the parent until the fork is over.
    Ok(set_foreground(unsafe { BorrowedFd::borrow_raw(fd) }, getpid())?)
}

/// Puts a group into the foreground. The kernel stops a background group that does this (SIGTTOU),
/// unless the thread blocks that signal.
fn set_foreground(fd: BorrowedFd<'_>, group: Pid) -> rustix::io::Result<()> {
    with_blocked(libc::SIGTTOU, || tcsetpgrp(fd, group))
}

/// Takes the terminal back if the borrower has it. True if that was so. A group without a member
/// needs the terminal no more, so it is taken from such a group as well.
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

/// Suspends this process, as Ctrl-Z does with all of its group, and returns when it is continued.
/// Returns at once if no process could continue it (its group is orphaned), or if the program
/// handles or ignores SIGTSTP.
pub(crate) fn suspend() {
    if !super::action::has_default_action(libc::SIGTSTP) {
        return;
    }
    with_blocked(libc::SIGTSTP, || {
        // Two signals make one stop, because the continuation clears the pending one. The signal to
        // the group wakes any thread of ours, and this thread would run on for a moment. The signal
        // to this thread is delivered when it is unblocked below, unless this thread has stopped
        // already.
        //
        // SAFETY: `raise` has no preconditions.
        let _a_signal = unsafe { libc::raise(libc::SIGTSTP) };
        let _ours = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
    });
}

/// Calls `f` while this thread blocks `signal`. Async-signal-safe, so it may be used between fork
/// and `exec`.
fn with_blocked<R>(signal: i32, f: impl FnOnce() -> R) -> R {
    // SAFETY: all-zero bytes are a valid `sigset_t`, and `set` is emptied next.
    let (mut set, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is valid for writing.
    unsafe { libc::sigemptyset(&raw mut set) };
    // SAFETY: as above, and `signal` is a signal.
    unsafe { libc::sigaddset(&raw mut set, signal) };
    // SAFETY: both sets are valid.
    let blocked = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before) } == 0;
    let result = f();
    if blocked {
        // SAFETY: `before` was written above. With a null pointer, the call writes no old set.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()) };
    }
    result
}
