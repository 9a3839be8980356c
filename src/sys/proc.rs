//! Owns the reading of `/proc/self/task`: the threads of this process, and the files of each.
//! Refuses to treat a name as text before it is shown, because the kernel cuts names inside a
//! character.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::Dir;

use super::KernelThread;
use super::clock::{since_boot, ticks_per_second};
use super::standard::above_standard;

pub(super) const TASKS: &str = "/proc/self/task";

/// Returns the ids of all threads of this process.
pub(crate) fn thread_ids() -> io::Result<Vec<u32>> {
    listed().map_err(with_place)
}

fn listed() -> io::Result<Vec<u32>> {
    let mut ids = Vec::new();
    // Not std's `read_dir`, so that the descriptor can be moved above the standard streams.
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

pub(super) fn from_ticks(ticks: u64) -> Duration {
    let rate = ticks_per_second();
    Duration::from_secs(ticks / rate) + Duration::from_secs(ticks % rate) / u32::try_from(rate).unwrap_or(100)
}

/// Returns all threads of this process, except those in `skip`, which gets the id of a thread.
pub fn process_threads(skip: &dyn Fn(u32) -> bool) -> io::Result<Vec<KernelThread>> {
    // A thread that ends between the list and its file is left out.
    let ids = thread_ids()?.into_iter().filter(|id| !skip(*id));
    ids.filter_map(|id| thread_of(id).transpose()).collect()
}

/// Adds the place to the text of an error.
pub(super) fn with_place(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{TASKS}: {error}"))
}

/// Reads a file of a thread. `None` if the thread has ended: before the file was opened (`ENOENT`),
/// or before it was read (`ESRCH`).
pub(super) fn read(id: u32, file: &str) -> io::Result<Option<Vec<u8>>> {
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
pub(super) fn split_stat(stat: &[u8]) -> Option<(&[u8], u8, impl Iterator<Item = &str>)> {
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

/// Returns the children that a thread has started, the last one last. Empty if the kernel does not
/// list them.
pub(super) fn children_of(id: u32) -> Vec<i32> {
    let text = read(id, "children").ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&text).split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
