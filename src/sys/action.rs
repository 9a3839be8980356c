//! Owns what the kernel does at a signal: reading and setting it, and `errno`, which a handler must
//! put back.
//! Refuses to have a handler of its own.
#![allow(unsafe_code)]

use std::io;

pub(super) fn default_action() -> libc::sigaction {
    // SAFETY: all-zero is a valid `sigaction`: default action, empty mask, no flags.
    unsafe { std::mem::zeroed() }
}

pub(super) fn set_action(signal: i32, action: &libc::sigaction) -> io::Result<libc::sigaction> {
    let mut before = default_action();
    // SAFETY: both point to valid structures; the handler is async-signal-safe and lives for ever.
    match unsafe { libc::sigaction(signal, action, &raw mut before) } {
        0 => Ok(before),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(super) fn get_action(signal: i32) -> io::Result<libc::sigaction> {
    let mut now = default_action();
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

/// Where the calling thread's `errno` is.
pub(super) fn errno_place() -> *mut libc::c_int {
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
