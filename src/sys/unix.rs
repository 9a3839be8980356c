//! Owns the pipe that wakes a sleeping thread, last words on stderr and the way out of the process.
//! Refuses to know which signals come through the pipe, and what they mean.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{FdSetElement, Timespec, fd_set_insert, fd_set_num_elements, select};

use super::fd::above_standard;

/// The byte that means "look again"; signal numbers are smaller.
const LOOK: u8 = 0xFF;

/// How long a sleeper that nobody can wake sleeps.
const DEAF: Duration = Duration::from_millis(10);

/// A thread sleeps on it until it is woken, a signal comes, or a time has passed.
#[derive(Debug)]
pub(crate) struct Alarm {
    reader: OwnedFd,
    writer: OwnedFd,
}

/// What ended a sleep.
#[derive(Debug, Default)]
pub(crate) struct Woken {
    pub(crate) signals: Vec<i32>,
}

impl Alarm {
    /// The one alarm of this process, made at first use and kept: a signal handler on its way when a registry ends must
    /// find its descriptor open, and its own. What was rung before is forgotten.
    pub(crate) fn of_process() -> io::Result<&'static Alarm> {
        static ALARM: OnceLock<Alarm> = OnceLock::new();
        if ALARM.get().is_none() {
            let _somebody_was_faster = ALARM.set(Alarm::new()?);
        }
        let alarm = ALARM.get().ok_or(io::ErrorKind::Other)?;
        alarm.drain();
        Ok(alarm)
    }

    fn new() -> io::Result<Alarm> {
        let (reader, writer) = io::pipe()?;
        let (reader, writer) = (above_standard(reader.into())?, above_standard(writer.into())?);
        rustix::io::ioctl_fionbio(&reader, true)?;
        rustix::io::ioctl_fionbio(&writer, true)?;
        Ok(Alarm { reader, writer })
    }

    /// Where a signal handler writes the number of its signal.
    pub(super) fn bell(&self) -> RawFd {
        self.writer.as_raw_fd()
    }

    /// Wakes the sleeper. A full pipe is as good: the sleeper has not read it yet.
    pub(crate) fn wake(&self) {
        let _full_is_fine = rustix::io::write(&self.writer, &[LOOK]);
    }

    /// Blocks until woken, or until `until`.
    pub(crate) fn sleep(&self, until: Option<Instant>) -> Woken {
        if wait_for(&self.reader, Direction::In, until).is_err() {
            // The program has closed a descriptor that is ours: nothing wakes us, and without a pause we would spin.
            let left = until.map(|at| at.saturating_duration_since(Instant::now()));
            thread::sleep(left.map_or(DEAF, |left| left.min(DEAF)));
        }
        self.drain()
    }

    fn drain(&self) -> Woken {
        let mut bytes = [0_u8; 256];
        let mut woken = Woken::default();
        while let Ok(count @ 1..) = rustix::io::read(&self.reader, &mut bytes) {
            let numbers = bytes.iter().take(count).filter(|byte| **byte != LOOK);
            woken.signals.extend(numbers.map(|byte| i32::from(*byte)));
        }
        woken
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

/// True if `fd` is ready before `until`; an error if the kernel does not wait for it.
///
/// Not by `poll`: that is refused where the limit of open files is lower than the number of descriptors asked for, which
/// may be none at all (`poll(2)`, `EINVAL`), though those that are open can be used.
fn wait_for(fd: &impl AsFd, direction: Direction, until: Option<Instant>) -> io::Result<bool> {
    let fd = fd.as_fd().as_raw_fd();
    loop {
        let left = until.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let mut set = vec![FdSetElement::default(); fd_set_num_elements(1, fd + 1)];
        fd_set_insert(&mut set, fd);
        let (read, write) = match direction {
            Direction::In => (Some(&mut set[..]), None),
            Direction::Out => (None, Some(&mut set[..])),
        };
        // SAFETY: the set holds one descriptor, which is borrowed for this call, and has room for its number.
        match unsafe { select(fd + 1, read, write, None, timeout.as_ref()) } {
            Ok(count) => return Ok(count > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(refused) => return Err(refused.into()),
        }
    }
}

/// Writes to descriptor 2 without std's lock, which a stuck thread may hold; gives up after `patience`.
pub fn write_stderr(mut text: &[u8], patience: Duration) {
    let until = Instant::now() + patience;
    let stderr = rustix::stdio::stderr();
    while !text.is_empty() && wait_for(&stderr, Direction::Out, Some(until)).unwrap_or(false) {
        // A terminal or pipe that is ready takes at least this much without blocking (PIPE_BUF).
        let piece = text.get(..text.len().min(512)).unwrap_or_default();
        match rustix::io::write(stderr, piece) {
            Ok(count) => text = text.get(count..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => return,
        }
    }
}

/// Leaves the process now: no destructors, no `atexit`, no other thread is waited for. The process groups of our children go
/// with it. May be called in a signal handler.
pub(crate) fn exit_now(code: i32) -> ! {
    super::groups::end_all();
    // SAFETY: `_exit` has no preconditions and does not return.
    unsafe { libc::_exit(code) }
}

/// Aborts. The process groups of our children go with it. May be called in a signal handler.
pub(crate) fn abort_now() -> ! {
    super::groups::end_all();
    std::process::abort()
}

/// Says why, and aborts.
pub(crate) fn die(why: &str) -> ! {
    write_stderr(why.as_bytes(), Duration::from_secs(1));
    write_stderr(b"\n", Duration::from_secs(1));
    abort_now()
}
