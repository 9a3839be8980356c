//! Owns the pipe that wakes a sleeping thread, and the way out of the process.
//! Refuses to know which signals come through the pipe, and what they mean.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::fd::{Direction, above_standard, wait_for};

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

/// What ended a sleep. At most so many signals as fit: what is left ends the next sleep.
#[derive(Debug)]
pub(crate) struct Woken {
    bytes: [u8; 256],
    count: usize,
}

impl Woken {
    /// The signals that have come, in this order.
    pub(crate) fn signals(&self) -> impl Iterator<Item = i32> + '_ {
        self.bytes.iter().take(self.count).filter(|byte| **byte != LOOK).map(|byte| i32::from(*byte))
    }
}

impl Alarm {
    /// The one alarm of this process, made at first use and kept: a signal handler on its way when a registry ends must
    /// find its descriptor open, and its own. What was rung before is forgotten. A forked child makes another: what is rung in
    /// the pipe that it has inherited wakes the process around it.
    pub(crate) fn of_process() -> io::Result<&'static Alarm> {
        static ALARM: Mutex<Option<(u32, u32, &'static Alarm)>> = Mutex::new(None);
        let (process, forks) = (std::process::id(), super::forks());
        let mut known = ALARM.lock();
        let alarm = match *known {
            Some((of, after, alarm)) if (of, after) == (process, forks) => alarm,
            _ => Box::leak(Box::new(Alarm::new()?)),
        };
        *known = Some((process, forks, alarm));
        while alarm.read().count > 0 {}
        Ok(alarm)
    }

    fn new() -> io::Result<Alarm> {
        let (reader, writer) = io::pipe()?;
        let [reader, writer] = [reader.into(), writer.into()].map(above_standard::<OwnedFd>);
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
        if wait_for(self.reader.as_fd(), Direction::In, until).is_err() {
            // The program has closed a descriptor that is ours: nothing wakes us, and without a pause we would spin.
            let left = until.map(|at| at.saturating_duration_since(Instant::now()));
            thread::sleep(left.map_or(DEAF, |left| left.min(DEAF)));
        }
        self.read()
    }

    fn read(&self) -> Woken {
        let mut bytes = [0_u8; 256];
        let count = rustix::io::read(&self.reader, &mut bytes).unwrap_or(0);
        Woken { bytes, count }
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
