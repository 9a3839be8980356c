//! Owns the list of threads for an end at which nothing else works any more: their names and the
//! kernel's wait channels, from `/proc`.
//! Refuses to lock and to allocate, because it runs in a signal handler.

use std::ffi::CStr;
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, RawDir, openat};

use super::write_stderr;

/// The most threads that are listed. A longer list is of no use to a reader.
const MOST: usize = 200;

/// Lists the threads of this process on stderr, because a report of the tree may lack some. May be
/// called in a signal handler.
pub(crate) fn name_threads(patience: Duration) {
    let end = Instant::now() + patience;
    write_stderr(b"Its threads, by the names that the kernel keeps:\n", patience);
    write_names(end);
}

/// Writes a line for each thread of this process to stderr, until `until`.
fn write_names(until: Instant) {
    let Ok(tasks) = openat(CWD, c"/proc/self/task", OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    else {
        return;
    };
    // On the stack: `rustix::fs::Dir` would allocate.
    let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
    let mut entries = RawDir::new(&tasks, &mut buffer);
    let mut left = MOST;
    while let Some(Ok(entry)) = entries.next() {
        let id = entry.file_name();
        if !id.to_bytes().starts_with(b".") && left > 0 && Instant::now() < until {
            write_one(&tasks, id, until.saturating_duration_since(Instant::now()));
            left -= 1;
        }
    }
}

/// Writes the line of one thread. A file that cannot be read leaves its place in the line empty.
fn write_one(tasks: &OwnedFd, id: &CStr, patience: Duration) {
    let Ok(task) = openat(tasks, id, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) else { return };
    let (mut name, mut channel) = ([0_u8; 32], [0_u8; 64]);
    let name = read(&task, c"comm", &mut name);
    let channel = read(&task, c"wchan", &mut channel);
    let mut line = [0_u8; 160];
    let mut rest = &mut line[..];
    // `0` stands for no channel: the thread is on a processor, or the kernel does not say where.
    let (label, channel): (&[u8], &[u8]) =
        if matches!(channel, b"0" | b"") { (b"", b"") } else { (b"  kernel: ", channel) };
    let parts = [b"  ", name, b"  tid ", id.to_bytes(), label, channel, b"\n"];
    // A part that does not fit into `line` is cut.
    parts.iter().for_each(|part| drop(rest.write_all(part)));
    let unused = rest.len();
    write_stderr(line.get(..line.len() - unused).unwrap_or_default(), patience);
}

/// Reads a small file, without its line end. Control characters become `?`, also a line feed inside
/// of a name, which would break the row in two.
fn read<'b>(folder: &OwnedFd, what: &CStr, buffer: &'b mut [u8]) -> &'b [u8] {
    let file = openat(folder, what, OFlags::CLOEXEC, Mode::empty());
    let count = file.and_then(|file| rustix::io::read(&file, &mut *buffer)).unwrap_or(0);
    let end = if buffer.get(..count).is_some_and(|text| text.ends_with(b"\n")) { count - 1 } else { count };
    let text = buffer.get_mut(..end).unwrap_or_default();
    text.iter_mut().filter(|byte| byte.is_ascii_control()).for_each(|byte| *byte = b'?');
    text
}
