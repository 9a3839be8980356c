//! Owns the reading of `/proc/self/task`: the threads of this process, and what each does in the
//! kernel.
//! Refuses to treat a name as text before it is shown, because the kernel cuts names inside a
//! character.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::Dir;

use super::clock::{since_boot, ticks_per_second};
use super::standard::above_standard;
use super::{KernelLook, KernelThread};

const TASKS: &str = "/proc/self/task";

/// Returns the ids of all threads of this process.
pub(crate) fn thread_ids() -> io::Result<Vec<u32>> {
    listed().map_err(with_place)
}

fn listed() -> io::Result<Vec<u32>> {
    let mut ids = Vec::new();
    for entry in Dir::new(above_standard::<OwnedFd>(File::open(TASKS)?.into()))? {
        ids.extend(entry?.file_name().to_str().ok().and_then(|name| name.parse::<u32>().ok()));
    }
    Ok(ids)
}

/// Returns the thread of this id, or `None` if it is gone.
///
/// # Errors
/// The thread is there, and could not be read.
pub(crate) fn thread_of(id: u32) -> io::Result<Option<KernelThread>> {
    let stat = read(id, "stat").map_err(with_place)?;
    Ok(stat.and_then(|stat| parse_stat(id, &stat)))
}

/// Returns the time since this process was started. `None` if the kernel does not tell.
pub(crate) fn uptime() -> Option<Duration> {
    let main = thread_of(std::process::id()).ok()??;
    Some(since_boot().saturating_sub(from_ticks(main.started)))
}

fn from_ticks(ticks: u64) -> Duration {
    let rate = ticks_per_second();
    Duration::from_secs(ticks / rate) + Duration::from_secs(ticks % rate) / u32::try_from(rate).unwrap_or(100)
}

/// Returns all threads of this process, except those in `skip`, which gets the id of a thread.
pub fn process_threads(skip: &dyn Fn(u32) -> bool) -> io::Result<Vec<KernelThread>> {
    let ids = thread_ids()?.into_iter().filter(|id| !skip(*id));
    ids.filter_map(|id| thread_of(id).transpose()).collect()
}

/// Adds the place to the text of an error.
fn with_place(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{TASKS}: {error}"))
}

/// Reads a file of a thread. `None` if the thread has ended: before the file was opened (`ENOENT`),
/// or before it was read (`ESRCH`).
fn read(id: u32, file: &str) -> io::Result<Option<Vec<u8>>> {
    match bytes_of(&format!("{TASKS}/{id}/{file}")) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if [Some(libc::ENOENT), Some(libc::ESRCH)].contains(&error.raw_os_error()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a whole file.
pub(super) fn bytes_of(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    above_standard(File::open(path)?).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the text of `stat` (`proc(5)`): the name is in parentheses and may hold any byte, and the
/// start time is field 22. `None` if the thread has ended.
fn parse_stat(id: u32, stat: &[u8]) -> Option<KernelThread> {
    let (name, state, mut later) = split_stat(stat)?;
    // `X` is dead, and `Z` a zombie: the thread has ended.
    if matches!(state, b'X' | b'Z') {
        return None;
    }
    // `later` begins with field 4.
    let started = later.nth(18)?.parse().ok()?;
    Some(KernelThread { id, started, name: unescape(name) })
}

/// Splits the text of `stat` into the name, the state, and the fields after the state.
fn split_stat(stat: &[u8]) -> Option<(&[u8], u8, impl Iterator<Item = &str>)> {
    let open = stat.iter().position(|byte| *byte == b'(')?;
    // The last parenthesis, because the name may contain others.
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let later = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
    let mut fields = later.split_ascii_whitespace();
    let state = fields.next()?.bytes().next()?;
    Some((stat.get(open + 1..close)?, state, fields))
}

/// Restores a name, in which the kernel writes a line feed as `\n`, and a `\` twice.
fn unescape(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        let escaped = if *byte == b'\\' { bytes.next() } else { None };
        plain.push(match escaped {
            Some(b'n') => b'\n',
            Some(other) => *other,
            None => *byte,
        });
    }
    plain
}

/// Returns the signals that a thread blocks, as bits: signal n is bit n - 1. `None` if the thread
/// is gone.
pub fn marks_of(id: u32) -> io::Result<Option<u64>> {
    let Some(status) = read(id, "status").map_err(with_place)? else { return Ok(None) };
    let mut lines = status.split(|byte| *byte == b'\n');
    let mask = lines.find_map(|line| line.strip_prefix(b"SigBlk:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(std::str::from_utf8(mask).ok()?.trim(), 16).ok());
    match mask {
        Some(mask) => Ok(Some(mask)),
        None => Err(io::Error::other(format!("{TASKS}/{id}/status has no SigBlk"))),
    }
}

/// Looks at what a thread does in the kernel, as far as the kernel reports it. `None` if the thread
/// is gone.
pub(crate) fn kernel_look(id: u32) -> Option<KernelLook> {
    let stat = read(id, "stat").ok()??;
    let (_, state, later) = split_stat(&stat)?;
    // `later` begins with field 4; fields 14 and 15 are the time in the program and in the kernel.
    let ticks = later.skip(10).take(2).map(|ticks| ticks.parse::<u64>().ok()).sum::<Option<u64>>();
    let mut look = KernelLook { state, cpu: ticks.map(from_ticks), ..KernelLook::default() };
    let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    // `0` stands for no channel: the thread does not sleep, or the kernel does not say where.
    look.channel = text(read(id, "wchan").ok().flatten()).filter(|channel| !matches!(&**channel, "0" | ""));
    // The kernel may refuse this file alone. Then the rest of the look is still of use.
    match read(id, "syscall") {
        Ok(line) => (look.call, look.about) = text(line).map(|line| call(&line)).unwrap_or_default(),
        Err(error) => look.refused = Some(format!("system calls: {}", with_place(error))),
    }
    Some(look)
}

/// Reads a line of `syscall` (`proc(5)`): `running`, or `-1` outside of a call, or the number of
/// the call and its arguments. Returns the call and its object.
fn call(line: &str) -> (Option<String>, Option<String>) {
    let mut words = line.split(' ');
    let number = words.next().and_then(|word| word.parse::<i64>().ok()).filter(|number| *number >= 0);
    let Some(number) = number else { return (None, None) };
    let hex = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok();
    let arguments: Vec<u64> = words.map_while(hex).collect();
    match CALLS.iter().find(|(known, ..)| *known == number) {
        Some((_, name, kind)) => (Some((*name).to_owned()), kind.about(&arguments)),
        None => (Some(format!("system call {number}")), None),
    }
}

/// The meaning of the first arguments of a call.
#[derive(Clone, Copy)]
enum Kind {
    /// The first argument is a descriptor.
    Descriptor,
    /// The first argument is the pid of a child.
    Child,
    /// The first argument is a kind of id, and the second is the id (`waitid(2)`).
    WaitId,
    /// The arguments are not shown.
    Other,
}

impl Kind {
    /// Returns the object of a call with these arguments, as text.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "descriptors and pids are the lower half of an argument"
    )]
    fn about(self, arguments: &[u64]) -> Option<String> {
        let argument = |place: usize| arguments.get(place).map(|word| *word as i32);
        match self {
            Kind::Descriptor => argument(0).map(descriptor),
            Kind::Child => argument(0).and_then(child),
            Kind::WaitId if argument(0) == Some(libc::P_PID as i32) => argument(1).and_then(child),
            Kind::WaitId | Kind::Other => None,
        }
    }
}

/// Returns the number of a descriptor, and the file behind it if that can be read.
fn descriptor(fd: i32) -> String {
    let open = fs::read_link(format!("/proc/self/fd/{fd}")).ok();
    open.map_or_else(|| format!("fd {fd}"), |file| format!("fd {fd} {}", file.to_string_lossy()))
}

/// Returns the pid of a child, and its name if that can be read. `None` if `pid` stands for any
/// child.
fn child(pid: i32) -> Option<String> {
    let name = bytes_of(&format!("/proc/{pid}/comm")).ok().filter(|_| pid > 0);
    let name = name.map(|name| String::from_utf8_lossy(&name).trim_end().to_owned());
    (pid > 0).then(|| name.map_or_else(|| format!("child {pid}"), |name| format!("child {pid} {name:?}")))
}

/// The calls in which threads are found stuck. Any other call is shown by its number.
const CALLS: &[(i64, &str, Kind)] = &[
    (libc::SYS_read, "read", Kind::Descriptor),
    (libc::SYS_write, "write", Kind::Descriptor),
    (libc::SYS_readv, "readv", Kind::Descriptor),
    (libc::SYS_writev, "writev", Kind::Descriptor),
    (libc::SYS_pread64, "pread64", Kind::Descriptor),
    (libc::SYS_pwrite64, "pwrite64", Kind::Descriptor),
    (libc::SYS_preadv2, "preadv2", Kind::Descriptor),
    (libc::SYS_pwritev2, "pwritev2", Kind::Descriptor),
    (libc::SYS_ioctl, "ioctl", Kind::Descriptor),
    (libc::SYS_fcntl, "fcntl", Kind::Descriptor),
    (libc::SYS_flock, "flock", Kind::Descriptor),
    (libc::SYS_fsync, "fsync", Kind::Descriptor),
    (libc::SYS_fdatasync, "fdatasync", Kind::Descriptor),
    (libc::SYS_connect, "connect", Kind::Descriptor),
    (libc::SYS_accept, "accept", Kind::Descriptor),
    (libc::SYS_accept4, "accept4", Kind::Descriptor),
    (libc::SYS_recvfrom, "recvfrom", Kind::Descriptor),
    (libc::SYS_recvmsg, "recvmsg", Kind::Descriptor),
    (libc::SYS_recvmmsg, "recvmmsg", Kind::Descriptor),
    (libc::SYS_sendto, "sendto", Kind::Descriptor),
    (libc::SYS_sendmsg, "sendmsg", Kind::Descriptor),
    (libc::SYS_splice, "splice", Kind::Descriptor),
    (libc::SYS_epoll_pwait, "epoll_pwait", Kind::Descriptor),
    (libc::SYS_getdents64, "getdents64", Kind::Descriptor),
    (libc::SYS_wait4, "wait4", Kind::Child),
    (libc::SYS_waitid, "waitid", Kind::WaitId),
    (libc::SYS_futex, "futex", Kind::Other),
    (libc::SYS_ppoll, "ppoll", Kind::Other),
    (libc::SYS_pselect6, "pselect6", Kind::Other),
    (libc::SYS_nanosleep, "nanosleep", Kind::Other),
    (libc::SYS_clock_nanosleep, "clock_nanosleep", Kind::Other),
    (libc::SYS_rt_sigsuspend, "rt_sigsuspend", Kind::Other),
    (libc::SYS_rt_sigtimedwait, "rt_sigtimedwait", Kind::Other),
    (libc::SYS_openat, "openat", Kind::Other),
    (libc::SYS_unlinkat, "unlinkat", Kind::Other),
    (libc::SYS_execve, "execve", Kind::Other),
    (libc::SYS_clone, "clone", Kind::Other),
    (libc::SYS_clone3, "clone3", Kind::Other),
    (libc::SYS_mmap, "mmap", Kind::Other),
    (libc::SYS_munmap, "munmap", Kind::Other),
    (libc::SYS_sched_yield, "sched_yield", Kind::Other),
    (libc::SYS_io_uring_enter, "io_uring_enter", Kind::Descriptor),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_vfork, "vfork", Kind::Other),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, "open", Kind::Other),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_poll, "poll", Kind::Other),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_select, "select", Kind::Other),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_pause, "pause", Kind::Other),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_epoll_wait, "epoll_wait", Kind::Descriptor),
];
