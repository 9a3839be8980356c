//! Owns the handler of signals, its installation, and the changes to both in a forked child.
//! Refuses to know what a signal means, and which thread handles it.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};

use super::action::{default_action, errno_place, get_action, set_action};
use super::mask::{self, bit};
use super::wake_pipe::{Heard, WakePipe, tell};

/// The signals that ask a program to stop.
pub(crate) const fn stop_signals() -> [i32; 3] {
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP]
}

/// The signals that ask for a dump.
pub(crate) const fn dump_signals() -> [i32; 1] {
    [libc::SIGQUIT]
}

/// The `si_code` of a signal that no process has sent. SIGINT then is a key that was pressed at the
/// terminal.
#[cfg(target_os = "linux")]
const SENT_BY_THE_KERNEL: i32 = libc::SI_KERNEL;
// No code says so on other systems: no signal counts as a key.
#[cfg(not(target_os = "linux"))]
const SENT_BY_THE_KERNEL: i32 = i32::MIN;

/// The descriptor of the wake pipe that the handler writes to; -1 while no handler of ours is
/// installed. Written by `Handlers`.
static WAKE_FD: AtomicI32 = AtomicI32::new(-1);

/// The pid of the process that the wake pipe belongs to. Written by `Handlers::install`. A forked
/// child has copies of the pipe, of this word and of the handlers.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// The signals that our handler is installed for, as bits: signal n is bit n - 1. Written by
/// `Handlers`, read by [`unblocked`].
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// The number of forks between this process and the process that the program was started as.
/// Changed by `forget`, in the child.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The signal handler. It uses words and system calls only, and restores `errno`. Pairs with
/// `WakePipe::wait`, which the message ends. In a process that was forked from ours, it makes way
/// for the default action.
pub(super) extern "C" fn on_signal(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    // Acquire, for the release in `Handlers::install`.
    let pipe = WAKE_FD.load(Ordering::Acquire);
    // SAFETY: the kernel passes a valid `info`, because the handler has `SA_SIGINFO`. Other callers
    // may pass null, which is checked.
    let from_terminal = !info.is_null() && unsafe { (*info).si_code } == SENT_BY_THE_KERNEL;
    let Some(heard) = Heard::now(signal, from_terminal) else { return };
    let errno = errno_place();
    // SAFETY: `errno` of the interrupted thread is its own, and valid for the thread's life.
    let before = unsafe { *errno };
    if this_process() == OWNER.load(Ordering::Acquire) {
        // First, so that the process ends in time (P7) even if no thread reads the message below.
        #[cfg(target_os = "linux")]
        super::last::arm_for(heard);
        tell(pipe, heard);
    } else {
        // A forked child: the signal does what it would have done without homebound.
        let _is_a_signal = set_action(signal, &default_action());
        // SAFETY: `kill` may be called in a handler. The signal is blocked until this handler
        // returns, and then takes its default action.
        unsafe { libc::kill(this_process(), signal) };
    }
    // SAFETY: as above.
    unsafe { *errno = before };
}

fn this_process() -> libc::pid_t {
    // SAFETY: `getpid` has no preconditions.
    unsafe { libc::getpid() }
}

/// Our handlers while they are installed, and the actions before them, which the drop restores.
pub(crate) struct Handlers {
    /// The number of each signal, and its action before, in the order of installation.
    saved: Vec<(i32, libc::sigaction)>,
}

impl std::fmt::Debug for Handlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let numbers: Vec<_> = self.saved.iter().map(|(number, _)| number).collect();
        f.debug_struct("Handlers").field("signals", &numbers).finish()
    }
}

impl Handlers {
    /// Installs one handler for all of `signals`, which writes to `wake_pipe`.
    ///
    /// # Errors
    /// The system refuses a signal. The handlers that were installed until then are removed again.
    pub(crate) fn install(signals: &[i32], wake_pipe: &'static WakePipe) -> io::Result<Handlers> {
        // Before the first handler is installed, because it may run at once. Release, for the
        // acquire in `on_signal`.
        OWNER.store(this_process(), Ordering::Release);
        WAKE_FD.store(wake_pipe.wake_fd(), Ordering::Release);
        let mut handlers = Handlers { saved: Vec::new() };
        for signal in signals {
            // Before the handler, so that `unblocked` leaves out no signal that has one.
            TAKEN.fetch_or(bit(*signal), Ordering::AcqRel);
            // On an error, `handlers` is dropped and restores the actions.
            let before = set_action(*signal, &our_action())?;
            handlers.saved.push((*signal, before));
        }
        Ok(handlers)
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        for (signal, before) in self.saved.drain(..).rev() {
            // Not if the program has installed another handler since.
            if is_ours(signal) {
                let _was_valid_before = set_action(signal, &before);
            }
        }
        TAKEN.store(0, Ordering::Release);
        // A handler that is still running may use the old value, because the pipe is never closed.
        WAKE_FD.store(-1, Ordering::Release);
    }
}

/// Runs `f` with the signals unblocked that homebound takes.
pub(crate) fn unblocked<R>(f: impl FnOnce() -> R) -> R {
    mask::with_unblocked(TAKEN.load(Ordering::Acquire), f)
}

/// Hands on the signals that were sent to the calling thread alone (`raise`), and that the thread
/// blocks because of us, so that no thread would ever handle them. Called before the thread goes to
/// sleep.
pub(crate) fn hand_on_raised() {
    mask::take_raised(|signal, info| on_signal(signal, info, std::ptr::null_mut()));
}

/// True if the handler of this signal is the one that [`Handlers`] installs. The program may have
/// replaced it.
pub(crate) fn is_ours(signal: i32) -> bool {
    get_action(signal).is_ok_and(|now| now.sa_sigaction == our_action().sa_sigaction)
}

/// Returns the action with our handler. `SA_RESTART`: a call that the handler interrupts goes on,
/// if the kernel can restart it.
fn our_action() -> libc::sigaction {
    let mut action = default_action();
    action.sa_sigaction = on_signal as extern "C" fn(_, _, _) as usize;
    action.sa_flags = libc::SA_RESTART | libc::SA_SIGINFO;
    action
}

/// Returns the name of a signal; an empty text for a number that has none, or a rare one.
pub(crate) fn signal_name(signal: i32) -> &'static str {
    let known = [
        (libc::SIGHUP, "SIGHUP"),
        (libc::SIGINT, "SIGINT"),
        (libc::SIGQUIT, "SIGQUIT"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGTRAP, "SIGTRAP"),
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGUSR1, "SIGUSR1"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGUSR2, "SIGUSR2"),
        (libc::SIGPIPE, "SIGPIPE"),
        (libc::SIGALRM, "SIGALRM"),
        (libc::SIGTERM, "SIGTERM"),
        (libc::SIGCHLD, "SIGCHLD"),
        (libc::SIGCONT, "SIGCONT"),
        (libc::SIGSTOP, "SIGSTOP"),
        (libc::SIGTSTP, "SIGTSTP"),
        (libc::SIGWINCH, "SIGWINCH"),
        (libc::SIGSYS, "SIGSYS"),
    ];
    known.iter().find(|(number, _)| *number == signal).map_or("", |(_, name)| name)
}

/// Returns why no registry can take this signal; `None` if one can.
pub(crate) fn why_not_taken(signal: i32) -> Option<&'static str> {
    match signal {
        libc::SIGKILL | libc::SIGSTOP => Some("no program can handle it"),
        libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL | libc::SIGTRAP | libc::SIGSYS => Some(
            "it tells a thread of its own fault; a handler that returns repeats that fault for ever, and the program neither \
             goes on nor ends",
        ),
        libc::SIGABRT => Some("it tells that the program aborts, which it does whatever a handler says"),
        libc::SIGPIPE => Some(
            "it tells a thread that its own write has failed, which the write says itself, with EPIPE; ignore it, as Rust \
             programs do",
        ),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        32.. if signal < libc::SIGRTMIN() => Some("the C library uses it itself"),
        _ if get_action(signal).is_err() => Some("it is no signal"),
        _ => None,
    }
}

/// Returns why children of this process cannot be waited for; `None` if they can.
pub(crate) fn why_no_children() -> Option<&'static str> {
    let now = get_action(libc::SIGCHLD).ok()?;
    if now.sa_sigaction == libc::SIG_IGN {
        Some(
            "SIGCHLD is ignored in this process, so the kernel reaps children behind its back; set it to the default action",
        )
    } else if now.sa_flags & libc::SA_NOCLDWAIT != 0 {
        Some(
            "the action of SIGCHLD in this process has the flag SA_NOCLDWAIT, so the kernel reaps children behind its back; \
             set the action without it",
        )
    } else {
        None
    }
}

/// From now on, a forked child blocks no signal because of us, and [`forks`] differs in it from the
/// number here. (Its handlers notice the fork by themselves.)
pub(crate) fn know_forks() {
    static KNOWN: AtomicBool = AtomicBool::new(false);
    // Relaxed, because only the swap counts: the first caller registers, and later ones do not.
    if !KNOWN.swap(true, Ordering::Relaxed) {
        // SAFETY: `forget` lives for ever, and does only what a forked child may do. If the system
        // refuses for want of memory, the handler and the end of a scope still compare the pid.
        unsafe { libc::pthread_atfork(None, None, Some(forget)) };
    }
}

/// Returns the number of forks, which differs in a forked child.
pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Runs in a forked child, on its only thread, before `fork` returns there. May do only what a
/// signal handler may.
extern "C" fn forget() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    mask::forget();
}
