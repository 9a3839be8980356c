//! Owns which signals are handled, by what, and where: the handlers of one run, and the masks of threads.
//! Refuses to know what a signal means.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicI32, Ordering};

use super::unix::Alarm;

/// The signals that ask a program to stop.
pub(crate) const fn stop_signals() -> [i32; 3] {
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP]
}

/// The signals that ask for a dump.
pub(crate) const fn dump_signals() -> [i32; 1] {
    [libc::SIGQUIT]
}

/// The writing end of the alarm that the handler rings; -1 while no handler of ours is installed.
static BELL: AtomicI32 = AtomicI32::new(-1);

/// Runs in a signal handler: may only load, write and restore `errno`.
extern "C" fn ring(signal: libc::c_int) {
    let bell = BELL.load(Ordering::Acquire);
    let Ok(byte) = u8::try_from(signal) else { return };
    let errno = errno_place();
    // SAFETY: `errno` of the interrupted thread is its own, and valid for its life.
    let before = unsafe { *errno };
    // SAFETY: `byte` lives across the call; a closed or full pipe is an error that we ignore. `write` may be called
    // in a handler (signal-safety(7)).
    unsafe { libc::write(bell, (&raw const byte).cast(), 1) };
    // SAFETY: as above.
    unsafe { *errno = before };
}

/// Where the calling thread's `errno` is.
fn errno_place() -> *mut libc::c_int {
    #[cfg(any(target_os = "solaris", target_os = "illumos"))]
    use libc::___errno as place;
    #[cfg(any(target_os = "openbsd", target_os = "netbsd", target_os = "android"))]
    use libc::__errno as place;
    #[cfg(any(target_os = "linux", target_os = "emscripten", target_os = "redox", target_os = "hurd"))]
    use libc::__errno_location as place;
    #[cfg(any(target_vendor = "apple", target_os = "freebsd", target_os = "dragonfly"))]
    use libc::__error as place;
    // SAFETY: it has no preconditions.
    unsafe { place() }
}

/// Our handlers, and what was there before.
pub(crate) struct Handlers {
    saved: Vec<(i32, libc::sigaction)>,
}

impl std::fmt::Debug for Handlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let numbers: Vec<_> = self.saved.iter().map(|(number, _)| number).collect();
        f.debug_struct("Handlers").field("signals", &numbers).finish()
    }
}

impl Handlers {
    /// Installs one handler for all of `signals`, which rings `alarm`. On a refusal those already installed are put
    /// back.
    pub(crate) fn install(signals: &[i32], alarm: &'static Alarm) -> io::Result<Handlers> {
        BELL.store(alarm.bell(), Ordering::Release);
        let mut handlers = Handlers { saved: Vec::new() };
        for signal in signals {
            let before = set_action(*signal, &our_action())?;
            handlers.saved.push((*signal, before));
        }
        Ok(handlers)
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        for (signal, before) in self.saved.drain(..).rev() {
            if get_action(signal).is_ok_and(|now| now.sa_sigaction == our_action().sa_sigaction) {
                let _was_valid_before = set_action(signal, &before);
            }
        }
        BELL.store(-1, Ordering::Release);
    }
}

fn our_action() -> libc::sigaction {
    // SAFETY: all-zero is a valid `sigaction`: default action, empty mask, no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = ring as extern "C" fn(libc::c_int) as usize;
    action.sa_flags = libc::SA_RESTART;
    action
}

fn set_action(signal: i32, action: &libc::sigaction) -> io::Result<libc::sigaction> {
    // SAFETY: as in `our_action`.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both point to valid structures; the handler is async-signal-safe and lives for ever.
    match unsafe { libc::sigaction(signal, action, &raw mut before) } {
        0 => Ok(before),
        _ => Err(io::Error::last_os_error()),
    }
}

fn get_action(signal: i32) -> io::Result<libc::sigaction> {
    // SAFETY: as in `our_action`.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: a null action only asks; `now` is valid for writing.
    match unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut now) } {
        0 => Ok(now),
        _ => Err(io::Error::last_os_error()),
    }
}

/// True if the process was started with this signal ignored (`nohup` does so).
pub(crate) fn ignored(signal: i32) -> bool {
    get_action(signal).is_ok_and(|now| now.sa_sigaction == libc::SIG_IGN)
}

/// True if nobody in this process handles or ignores this signal.
pub(super) fn has_default_action(signal: i32) -> bool {
    get_action(signal).is_ok_and(|now| now.sa_sigaction == libc::SIG_DFL)
}

/// Blocks or unblocks one signal in the calling thread; threads that it starts inherit that.
#[cfg(target_os = "linux")]
pub(crate) fn block_signal(signal: i32, blocked: bool) -> io::Result<()> {
    // SAFETY: all-zero is a valid `sigset_t`, and it is emptied next.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is valid for writing.
    unsafe { libc::sigemptyset(&raw mut set) };
    // SAFETY: as above; a number that is no signal is an error.
    if unsafe { libc::sigaddset(&raw mut set, signal) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let how = if blocked { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
    // SAFETY: `set` is valid; a null old set is not written.
    match unsafe { libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}
