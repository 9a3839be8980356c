//! Owns the pipe that wakes a sleeping thread, and the messages of signals that come through it.
//! Refuses to know which signals these are, and what they mean.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::clock::monotonic;
use super::fd::{pipe, wait_for};
use super::nowait::Direction;
use super::standard::above_standard;

/// The byte that means "look again"; signal numbers are smaller.
const LOOK: u8 = 0xFF;

/// How long a sleeper that nobody can wake sleeps.
const DEAF: Duration = Duration::from_millis(10);

/// A thread sleeps on it until it is woken, a signal comes, or a time has passed.
#[derive(Debug)]
pub(crate) struct WakePipe {
    reader: OwnedFd,
    writer: OwnedFd,
    /// [`wake`](WakePipe::wake) has written, or is about to, and the sleeper has not begun to read since.
    rung: AtomicBool,
}

/// A signal that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) signal: i32,
    /// SIGINT: a key that was pressed, and not a signal that a process has sent.
    pub(crate) from_terminal: bool,
    /// In milliseconds of the monotonic clock: *watch* may read of it later.
    pub(crate) at: u64,
}

/// The message of one signal through the pipe. It is written in one piece, and so never mixed with another.
const MESSAGE: usize = 8;

impl Heard {
    pub(super) fn now(signal: i32, from_terminal: bool) -> Option<Heard> {
        u8::try_from(signal).ok().filter(|byte| *byte != LOOK)?;
        Some(Heard { signal, from_terminal, at: monotonic() / 1_000_000 })
    }

    /// The number, whether it is from the terminal, and six bytes of time.
    pub(super) fn message(self) -> [u8; MESSAGE] {
        let mut message = (self.at << 16).to_le_bytes();
        message[0] = self.signal.to_le_bytes()[0];
        message[1] = u8::from(self.from_terminal);
        message
    }

    fn read(message: &[u8]) -> Option<Heard> {
        let message: [u8; MESSAGE] = message.try_into().ok()?;
        let [signal, from_terminal, ..] = message;
        let at = u64::from_le_bytes(message) >> 16;
        (signal != LOOK).then_some(Heard { signal: i32::from(signal), from_terminal: from_terminal != 0, at })
    }

    /// Ctrl-C was pressed.
    pub(crate) fn is_key(self) -> bool {
        self.from_terminal && self.signal == libc::SIGINT
    }

    /// How long after `earlier` it came.
    pub(crate) fn after(self, earlier: u64) -> Duration {
        Duration::from_millis(self.at.saturating_sub(earlier))
    }

    /// How long ago it came.
    pub(crate) fn age(self) -> Duration {
        Duration::from_millis((monotonic() / 1_000_000).saturating_sub(self.at))
    }
}

/// What ended a sleep. At most so many signals as fit: what is left ends the next sleep.
#[derive(Debug)]
pub(crate) struct Woken {
    bytes: [u8; 64 * MESSAGE],
    count: usize,
}

impl Woken {
    /// There may be more to read.
    pub(crate) fn is_full(&self) -> bool {
        self.count == self.bytes.len()
    }

    /// The signals that have come, in this order.
    pub(crate) fn signals(&self) -> impl Iterator<Item = Heard> + '_ {
        let bytes = self.bytes.get(..self.count).unwrap_or_default();
        bytes.chunks_exact(MESSAGE).filter_map(Heard::read)
    }
}

impl WakePipe {
    /// The one wake_pipe of this process, made at first use and kept: a signal handler on its way when a registry ends must
    /// find its descriptor open, and its own. What was rung before is forgotten. A forked child makes another: what is rung in
    /// the pipe that it has inherited wakes the process around it.
    pub(crate) fn of_process() -> io::Result<&'static WakePipe> {
        static ALARM: Mutex<Option<(u32, u32, &'static WakePipe)>> = Mutex::new(None);
        let (process, forks) = (std::process::id(), super::forks());
        let mut known = ALARM.lock();
        let wake_pipe = match *known {
            Some((of, after, wake_pipe)) if (of, after) == (process, forks) => wake_pipe,
            _ => Box::leak(Box::new(WakePipe::new()?)),
        };
        *known = Some((process, forks, wake_pipe));
        while wake_pipe.read().count > 0 {}
        Ok(wake_pipe)
    }

    fn new() -> io::Result<WakePipe> {
        let (reader, writer) = pipe()?;
        let [reader, writer] = [reader, writer].map(above_standard);
        rustix::io::ioctl_fionbio(&reader, true)?;
        rustix::io::ioctl_fionbio(&writer, true)?;
        Ok(WakePipe { reader, writer, rung: AtomicBool::new(false) })
    }

    /// Where a signal handler writes the number of its signal.
    pub(super) fn wake_fd(&self) -> RawFd {
        self.writer.as_raw_fd()
    }

    /// Wakes the sleeper. One message for all wakes that it has not read, however many: the place in the pipe is for signals.
    ///
    /// Pairs with `read`. Both change `rung` in one step, so one of them is first. If it is this one, the sleeper reads after it,
    /// and sees what the caller has done before (release, acquire); the message is there or on its way, and ends that sleep or the
    /// next. If `read` is first, this writes again.
    pub(crate) fn wake(&self) {
        if self.rung.swap(true, Ordering::AcqRel) {
            return;
        }
        let _full_is_fine = rustix::io::write(&self.writer, &[LOOK; MESSAGE]);
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
        // Before the reading, see `wake`.
        self.rung.swap(false, Ordering::AcqRel);
        let mut bytes = [0_u8; 64 * MESSAGE];
        let count = rustix::io::read(&self.reader, &mut bytes).unwrap_or(0);
        Woken { bytes, count }
    }
}
