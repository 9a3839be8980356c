//! Owns what the kernel's scheduler counts about a thread of this process, for the health looks.
//! Refuses to judge the numbers.

use std::io;
use std::time::Duration;

use super::Counters;
use super::proc::{TASKS, bytes_of};

/// Returns the counters of a thread. `None` if the thread is gone.
///
/// # Errors
/// The kernel does not tell them: `/proc` is hidden or is not there, or the kernel was built
/// without them.
pub(crate) fn counters(id: u32) -> io::Result<Option<Counters>> {
    let Some(text) = text_of(id, "schedstat")? else { return Ok(None) };
    let mut words = text.split_ascii_whitespace().map(str::parse::<u64>);
    let mut next = || words.next().and_then(Result::ok);
    // `schedstat` of a kernel that counts nothing is all zeros: a thread that runs has run once.
    match (next(), next(), next()) {
        (Some(cpu), Some(delay), Some(turns)) if turns > 0 || cpu > 0 => {
            Ok(Some(Counters { cpu: Duration::from_nanos(cpu), delay: Duration::from_nanos(delay), turns }))
        }
        _ => Err(io::Error::other(format!("{TASKS}/{id}/schedstat has no counts"))),
    }
}

/// Returns the function of the kernel in which a thread sleeps, if the kernel tells it.
pub(crate) fn channel(id: u32) -> Option<String> {
    let text = text_of(id, "wchan").ok()??;
    // `0` stands for none: the thread does not sleep, or the kernel does not say where.
    Some(text).filter(|channel| !matches!(&**channel, "0" | ""))
}

/// Returns the letter of the state of a thread (`proc(5)`).
pub(crate) fn state(id: u32) -> Option<u8> {
    let text = text_of(id, "stat").ok()??;
    // The last parenthesis, because the name may contain others.
    let (_, after) = text.rsplit_once(')')?;
    after.trim_start().bytes().next()
}

/// True if a thread sleeps in a call in which it can wait for several things at once: a `select!`
/// of channels, which parks the thread, or a poll of descriptors. A lock, a condition variable and
/// a read are no such calls.
pub(crate) fn may_select(id: u32) -> bool {
    let Ok(Some(line)) = text_of(id, "syscall") else { return false };
    let mut words = line.split_ascii_whitespace();
    let call = words.next().and_then(|number| number.parse::<i64>().ok());
    let argument = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok();
    let arguments: Vec<u64> = words.map_while(argument).collect();
    match (call, arguments.as_slice()) {
        (Some(libc::SYS_futex), [_, _, value, ..]) => value & u64::from(u32::MAX) == u64::from(PARKED),
        (Some(call), _) => POLLS.contains(&call),
        (None, _) => false,
    }
}

/// The value of a parked thread's word, as std's `thread::park` waits on it. No lock of std or of
/// `parking_lot` waits on this value. If std chose another one, a parked thread would be taken for
/// a blocked one.
const PARKED: u32 = u32::MAX;

/// The calls that wait for several descriptors.
const POLLS: &[i64] = &[
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_pwait,
    libc::SYS_io_uring_enter,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
];

/// Reads a file of a thread. `None` if the thread is gone.
fn text_of(id: u32, file: &str) -> io::Result<Option<String>> {
    match bytes_of(&format!("{TASKS}/{id}/{file}")) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned())),
        Err(error) if [Some(libc::ENOENT), Some(libc::ESRCH)].contains(&error.raw_os_error()) => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{TASKS}: {error}"))),
    }
}
