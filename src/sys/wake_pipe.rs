//! Owns the pipe that wakes a sleeping thread, and the messages of signals that come through it.
//! Refuses to know which signals these are, and what they mean.
//!
//! **No signal is lost.** A handler that finds the pipe full leaves the signal in `UNSAID`, and
//! writes once more: that message ends the next sleep, or the pipe is still full, and the next read
//! is ahead. The sleeper takes `UNSAID` after each read, so it finds the signal then.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::clock::monotonic;
use super::fd::{pipe, wait_for};
use super::mask::{bit, signals_in};
use super::nowait::Direction;
use super::standard::above_standard;
use super::stderr::write_stderr_beside;

/// The first byte of a message that only wakes the sleeper. Numbers of signals are smaller.
const LOOK: u8 = 0xFF;

/// The longest pause of a sleeper that nothing can wake, because the kernel refuses to wait.
const DEAF: Duration = Duration::from_millis(10);

/// The signals for which the pipe had no room, as bits: signal n is bit n - 1. Of several signals
/// with one number one is kept. Set by `tell`, taken by `read`.
static UNSAID: AtomicU64 = AtomicU64::new(0);

/// A pipe on which one thread sleeps until another thread wakes it, a signal comes, or an instant
/// passes.
#[derive(Debug)]
pub(crate) struct WakePipe {
    /// Read by the sleeper. Does not block.
    reader: OwnedFd,
    /// Written by `notify`, and by `tell` in a signal handler. Does not block.
    writer: OwnedFd,
}

/// A signal that has come, as the handler saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    /// The number of the signal.
    pub(crate) signal: i32,
    /// True if the kernel sent the signal, and no process did. For SIGINT: a key was pressed.
    pub(crate) from_terminal: bool,
    /// When the handler ran, in milliseconds of the monotonic clock. *watch*, the thread that reads
    /// the message, may do so much later.
    pub(crate) at: u64,
}

/// Bytes of a message. POSIX writes so few bytes to a pipe in one piece, so messages never mix.
const MESSAGE: usize = 8;

impl Heard {
    /// The signal `signal`, which comes at this moment. `None` if its number does not fit into one
    /// byte of a message.
    pub(super) fn now(signal: i32, from_terminal: bool) -> Option<Heard> {
        u8::try_from(signal).ok().filter(|byte| *byte != LOOK)?;
        Some(Heard { signal, from_terminal, at: monotonic() / 1_000_000 })
    }

    /// Returns the message: the number of the signal, one byte for `from_terminal`, and the lower
    /// six bytes of the time.
    pub(super) fn message(self) -> [u8; MESSAGE] {
        let mut message = (self.at << 16).to_le_bytes();
        message[0] = self.signal.to_le_bytes()[0];
        message[1] = u8::from(self.from_terminal);
        message
    }

    /// Reads a message. `None` if it only wakes the sleeper.
    fn read(message: &[u8]) -> Option<Heard> {
        let message: [u8; MESSAGE] = message.try_into().ok()?;
        let [signal, from_terminal, ..] = message;
        let at = u64::from_le_bytes(message) >> 16;
        (signal != LOOK).then_some(Heard { signal: i32::from(signal), from_terminal: from_terminal != 0, at })
    }

    /// True if Ctrl-C was pressed.
    pub(crate) fn is_key(self) -> bool {
        self.from_terminal && self.signal == libc::SIGINT
    }

    /// Returns how long after `earlier` the signal came. `earlier` is in the unit of `at`.
    pub(crate) fn after(self, earlier: u64) -> Duration {
        Duration::from_millis(self.at.saturating_sub(earlier))
    }

    /// Returns how long ago the signal came.
    pub(crate) fn age(self) -> Duration {
        Duration::from_millis((monotonic() / 1_000_000).saturating_sub(self.at))
    }
}

/// The messages that ended a sleep, as many as fit. Any further message ends the next sleep.
#[derive(Debug)]
pub(crate) struct Woken {
    bytes: [u8; 64 * MESSAGE],
    count: usize,
    /// The signals for which the pipe had no room, as bits of `UNSAID`.
    unsaid: u64,
}

impl Woken {
    /// True if the pipe may hold more messages.
    pub(crate) fn is_full(&self) -> bool {
        self.count == self.bytes.len()
    }

    /// Returns the signals that have come, in the order of their messages. A signal for which the
    /// pipe had no room comes after them, as if it had come at this moment.
    pub(crate) fn signals(&self) -> impl Iterator<Item = Heard> + '_ {
        let bytes = self.bytes.get(..self.count).unwrap_or_default();
        let said = bytes.chunks_exact(MESSAGE).filter_map(Heard::read);
        said.chain(signals_in(self.unsaid).filter_map(|signal| Heard::now(signal, false)))
    }
}

impl WakePipe {
    /// Returns the wake pipe of this process, without the messages of an earlier run. The first
    /// call makes the pipe. The pipe is never closed, because a signal handler that is still
    /// running when a registry ends must find the descriptor open, and not in use for another file.
    /// A forked child makes a pipe of its own, because a message in the inherited pipe would wake
    /// the parent.
    pub(crate) fn of_process() -> io::Result<&'static WakePipe> {
        static PIPE: Mutex<Option<(u32, u32, &'static WakePipe)>> = Mutex::new(None);
        let (process, forks) = (std::process::id(), super::forks());
        let mut known = PIPE.lock();
        let wake_pipe = match *known {
            // Both are compared: a descendant can have the pid of a process that has ended, and the
            // number of forks stands still until `know_forks` has been called.
            Some((of, after, wake_pipe)) if (of, after) == (process, forks) => wake_pipe,
            _ => Box::leak(Box::new(WakePipe::new()?)),
        };
        *known = Some((process, forks, wake_pipe));
        // One read takes as many messages as fit into its buffer, so read until the pipe is empty.
        while wake_pipe.read().count > 0 {}
        Ok(wake_pipe)
    }

    fn new() -> io::Result<WakePipe> {
        let (reader, writer) = pipe()?;
        let [reader, writer] = [reader, writer].map(above_standard);
        // A signal handler must not block if the pipe is full, and the sleeper must not block in
        // `read` if the pipe is empty.
        rustix::io::ioctl_fionbio(&reader, true)?;
        rustix::io::ioctl_fionbio(&writer, true)?;
        Ok(WakePipe { reader, writer })
    }

    /// Returns the descriptor to which a signal handler writes its message.
    pub(super) fn wake_fd(&self) -> RawFd {
        self.writer.as_raw_fd()
    }

    /// Writes a message that only wakes the sleeper. Pairs with `wait` and `read`.
    pub(crate) fn notify(&self) {
        let _full_is_fine = rustix::io::write(&self.writer, &[LOOK; MESSAGE]);
    }

    /// Blocks until there is a message, or until `until`. May return early. Pairs with `notify` and
    /// `tell`.
    pub(crate) fn wait(&self, until: Option<Instant>) {
        if wait_for(self.reader.as_fd(), Direction::In, until).is_err() {
            // The kernel refuses to wait, for example because the program has closed our
            // descriptor. Nothing wakes this thread then, and without a pause the caller would
            // spin.
            let left = until.map(|at| at.saturating_duration_since(Instant::now()));
            thread::sleep(left.map_or(DEAF, |left| left.min(DEAF)));
        }
    }

    /// Writes to stderr as `write_stderr` does. Calls `attend` at each piece, as soon as there is a
    /// message, and at the moment that the last call has returned; `attend` calls `read`.
    pub(crate) fn write_stderr(
        &self,
        text: &[u8],
        patience: Duration,
        attend: &mut dyn FnMut() -> Option<Instant>,
    ) -> usize {
        write_stderr_beside(text, patience, self.reader.as_fd(), attend)
    }

    /// Takes the messages that are there, without waiting for one.
    pub(crate) fn read(&self) -> Woken {
        let mut bytes = [0_u8; 64 * MESSAGE];
        let count = rustix::io::read(&self.reader, &mut bytes).unwrap_or(0);
        // After the read. Pairs with `tell`, which sets a bit and then writes: a bit that is set
        // later than this has a message that this read has not taken.
        Woken { bytes, count, unsaid: UNSAID.swap(0, Ordering::AcqRel) }
    }
}

/// Writes the message of a signal into the pipe with this writer. Called in a signal handler: it
/// uses a word and system calls only, and may change `errno`. Pairs with `read`.
pub(super) fn tell(writer: RawFd, heard: Heard) {
    let write = |message: [u8; MESSAGE]| {
        // SAFETY: `message` lives across the call. A closed or full pipe is an error. `write` may
        // be called in a handler (signal-safety(7)).
        unsafe { libc::write(writer, message.as_ptr().cast(), MESSAGE) >= 0 }
    };
    if !write(heard.message()) {
        // The bit first, then one more message, because the sleeper may have emptied the pipe
        // meanwhile. If there is no room for this message either, a read is ahead.
        UNSAID.fetch_or(bit(heard.signal), Ordering::AcqRel);
        let _full_is_fine = write([LOOK; MESSAGE]);
    }
}
