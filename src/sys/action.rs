//! Owns the action of a signal, to read and to set it, and `errno`, which a handler must restore.
//! Refuses to contain a handler.
#![allow(unsafe_code)]

use std::io;

pub(super) fn default_action() -> libc::sigaction {
    // SAFETY: all-zero bytes are a valid `sigaction`: the default action, an empty mask, no flags.
    unsafe { std::mem::zeroed() }
}

/// Sets the action of a signal, and returns the action before. May be called in a signal handler.
pub(super) fn set_action(signal: i32, action: &libc::sigaction) -> io::Result<libc::sigaction> {
    let mut before = default_action();
    // SAFETY: both pointers are valid. A handler in `action` is async-signal-safe and lives for
    // ever: it is a function of this folder, or was installed before.
    match unsafe { libc::sigaction(signal, action, &raw mut before) } {
        0 => Ok(before),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Returns the action of a signal.
pub(super) fn get_action(signal: i32) -> io::Result<libc::sigaction> {
    let mut now = default_action();
    // SAFETY: with a null action the call only reads the present one, and `now` is valid for
    // writing.
    match unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut now) } {
        0 => Ok(now),
        _ => Err(io::Error::last_os_error()),
    }
}

/// True if this process ignores the signal. A program that `nohup` starts does so with SIGHUP.
pub(crate) fn ignored(signal: i32) -> bool {
    get_action(signal).is_ok_and(|now| now.sa_sigaction == libc::SIG_IGN)
}

/// True if the program neither handles nor ignores this signal.
pub(super) fn has_default_action(signal: i32) -> bool {
    get_action(signal).is_ok_and(|now| now.sa_sigaction == libc::SIG_DFL)
}

/// Returns the address of the calling thread's `errno`.
pub(super) fn errno_place() -> *mut libc::c_int {
    #[cfg(any(target_os = "solaris", target_os = "illumos"))]
    use libc::___errno as place;
    #[cfg(any(target_os = "openbsd", target_os = "netbsd", target_os = "android"))]
    use libc::__errno as place;
    #[cfg(any(target_os = "linux", target_os = "emscripten", target_os = "redox", target_os = "hurd"))]
    use libc::__errno_location as place;
    #[cfg(any(target_vendor = "apple", target_os = "freebsd", target_os = "dragonfly"))]
    use libc::__error as place;
    // SAFETY: the function has no preconditions.
    unsafe { place() }
}
