//! Owns the choice of the real-time signal, its handler's installation, and its sending.
//! Refuses to decide which thread gets it.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::process::{getpid, getuid};

use super::handler;

/// The signal that has our handler, or zero. Written by `ready`, and never back to zero: a signal
/// may be outstanding, and without a handler it would end the process.
static OURS: AtomicI32 = AtomicI32::new(0);

/// The highest real-time signal whose action is the default, so that no code of this process uses
/// it. `None` if all are in use.
///
/// The answer is of this moment: ask again before each use. A thread that blocks the signal may use
/// it nevertheless, through `sigwait` or a signalfd; such threads get no signal of this crate.
#[must_use]
pub fn free_signal() -> Option<i32> {
    (libc::SIGRTMIN()..=libc::SIGRTMAX()).rev().find(|signal| action(*signal) == Some(libc::SIG_DFL))
}

fn action(signal: i32) -> Option<libc::sighandler_t> {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `old` has the size that the call writes, and nothing is changed.
    let result = unsafe { libc::sigaction(signal, std::ptr::null(), old.as_mut_ptr()) };
    // SAFETY: zeros are a `sigaction`, and so is what the call wrote.
    let old = unsafe { old.assume_init() };
    (result == 0).then_some(old.sa_sigaction)
}

fn ours() -> libc::sighandler_t {
    handler::answer as *const () as libc::sighandler_t
}

/// The signal to send, with our handler behind it. `wanted` is the caller's choice, if there is
/// one.
pub(crate) fn ready(wanted: Option<i32>) -> Option<i32> {
    let last = OURS.load(Ordering::Relaxed);
    let known = wanted.unwrap_or(last);
    if known != 0 && action(known) == Some(ours()) {
        return Some(known);
    }
    match wanted {
        Some(signal) => install(signal).then_some(signal),
        // Between the look and the installation other code may take the signal: then try the next.
        None => (0..8).find_map(|_| free_signal().filter(|signal| install(*signal))),
    }
}

/// Puts our handler in, if the action was the default until then.
fn install(signal: i32) -> bool {
    if action(signal) != Some(libc::SIG_DFL) {
        return false;
    }
    let (mut new, mut old) = (zeroed(), zeroed());
    new.sa_sigaction = ours();
    // The handler runs on an alternate stack if the thread has one, and restarts what can be.
    new.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    new.sa_mask = deferred();
    // SAFETY: both live in this frame. The handler is made for the flags.
    if unsafe { libc::sigaction(signal, &raw const new, &raw mut old) } != 0 {
        return false;
    }
    // Another thread that asks for a stack was faster, which is fine.
    let is_free = old.sa_sigaction == libc::SIG_DFL || old.sa_sigaction == ours();
    if !is_free {
        // SAFETY: as above. This puts back the handler that other code has installed since the
        // look.
        unsafe { libc::sigaction(signal, &raw const old, std::ptr::null_mut()) };
        return false;
    }
    OURS.store(signal, Ordering::Relaxed);
    true
}

/// The signals of faults. They stay deliverable in the handler, because the kernel ends a process
/// whose thread blocks the signal of its own fault.
const FAULTS: [i32; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS];

/// The signals that wait until the handler has returned: all but `FAULTS`. Two sessions may use two
/// signals. If the second signal interrupted the handler of the first, its answer would be the
/// stack of that handler. And a handler of other code would need room on the same alternate stack,
/// which may be small.
fn deferred() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the call writes one `sigset_t`, which lives in this frame.
    unsafe { libc::sigfillset(set.as_mut_ptr()) };
    for signal in FAULTS {
        // SAFETY: as above, and the set was filled.
        unsafe { libc::sigdelset(set.as_mut_ptr(), signal) };
    }
    // SAFETY: zeros are a `sigset_t`, and so is what the calls wrote.
    unsafe { set.assume_init() }
}

/// Whether a thread that blocks these signals, a bit each, looks like a thread in the handler: the
/// thread blocks all of `deferred` and no fault. Other code that blocks all signals also blocks the
/// signals of faults.
pub(crate) fn is_in_handler(blocked: u64) -> bool {
    let deferred = deferred();
    (1..=64).all(|signal| {
        let is_blocked = blocked >> (signal - 1) & 1 == 1;
        // SAFETY: `deferred` is a `sigset_t` that lives in this frame, and the call only reads it.
        let is_deferred = unsafe { libc::sigismember(&raw const deferred, signal) } == 1;
        match signal {
            // The kernel takes these out of every mask.
            libc::SIGKILL | libc::SIGSTOP => true,
            _ if FAULTS.contains(&signal) => !is_blocked,
            // What the C library keeps for itself is in no set that it makes.
            _ => is_blocked || !is_deferred,
        }
    })
}

fn zeroed() -> libc::sigaction {
    // SAFETY: zeros are a `sigaction`: no flags, an empty mask, the default action.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// `siginfo_t` of a queued signal, as the kernel reads it on 64-bit machines. The C library's type
/// keeps these fields private.
#[repr(C)]
struct Queued {
    signal: i32,
    errno: i32,
    code: i32,
    padding: i32,
    pid: i32,
    uid: u32,
    value: u64,
    rest: [u64; 12],
}

const _: () = assert!(size_of::<Queued>() == size_of::<libc::siginfo_t>());

/// Queues `signal` with `value` for one thread of this process. An error is the number of the
/// kernel's refusal: `ESRCH` if there is no such thread, `EAGAIN` if too many signals are queued.
pub(crate) fn send(tid: i32, signal: i32, value: u64) -> Result<(), i32> {
    let (pid, uid) = (getpid().as_raw_nonzero().get(), getuid().as_raw());
    let info = Queued { signal, errno: 0, code: libc::SI_QUEUE, padding: 0, pid, uid, value, rest: [0; 12] };
    // SAFETY: the kernel reads one `siginfo_t` from `info`, which has its size and form.
    let result = unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, pid, tid, signal, &raw const info) };
    if result == 0 {
        return Ok(());
    }
    Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
}
