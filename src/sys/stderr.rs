//! Owns last words: writing to descriptor 2 within a limit of time, and without std's lock, which a
//! stuck thread may hold.
//! Refuses to know the text, to allocate, and to wait for a reader longer than the caller says.

use std::io::Write;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::stdio::stderr;

use super::fd::{Transfer, kind, wait_for, wait_to_write_beside};
use super::nowait::{self, Direction};

/// The limit for writing the note that says how many bytes are missing.
const NOTE: Duration = Duration::from_millis(100);
/// The pause after a write that took nothing although the descriptor was ready.
const PAUSE: Duration = Duration::from_millis(1);
/// The number of bytes that a ready pipe takes at once, if it has no other writer: the least that
/// POSIX allows.
const PIECE: usize = 512;

/// Writes as much of `text` as is read within `patience`. The rest is cut, and a last line says how
/// many bytes are missing, unless nothing is read at all. Returns the number of missing bytes.
/// After a write that the system refuses for good, no byte counts as missing. If stderr is closed,
/// all bytes do.
pub fn write_stderr(text: &[u8], patience: Duration) -> usize {
    let wait = &mut |until| wait_for(stderr(), Direction::Out, Some(until)).unwrap_or(false);
    super::mask::with_refused_writes(|| write_to_its_end(text, patience, wait))
}

/// The same, and calls `attend` meanwhile, as `wait_to_write_beside` does.
pub(super) fn write_stderr_beside(
    text: &[u8],
    patience: Duration,
    beside: BorrowedFd<'_>,
    attend: &mut dyn FnMut() -> Option<Instant>,
) -> usize {
    let wait = &mut |until| wait_to_write_beside(stderr(), beside, until, attend);
    super::mask::with_refused_writes(|| write_to_its_end(text, patience, wait))
}

/// Waits until stderr can be written to (true), or until an instant (false).
type Wait<'a> = dyn FnMut(Instant) -> bool + 'a;

fn write_to_its_end(text: &[u8], patience: Duration, wait: &mut Wait<'_>) -> usize {
    let mut out = Out { kind: kind(stderr()), own: None };
    let left = out.write(text, Instant::now() + patience, wait);
    if left == 0 {
        return 0;
    }
    // The note has time of its own, because the time of the text is used up.
    let mut note = [0_u8; 80];
    let mut rest = &mut note[..];
    let _fits = writeln!(rest, "\n[homebound: {left} bytes are missing here: stderr was not read in time]");
    let unused = rest.len();
    let note = note.get(..note.len() - unused).unwrap_or_default();
    out.write(note, Instant::now() + NOTE, wait);
    left
}

/// The descriptor of the last words, and the ways to write to it without waiting.
struct Out {
    kind: Transfer,
    /// A second description of the same file, which does not block. Opened by `write_some` if the
    /// kernel cannot write to the first one without waiting.
    own: Option<OwnedFd>,
}

impl Out {
    /// Writes until `until` at most. Returns how many bytes are left to write: none after a write
    /// that the system refuses for good.
    fn write(&mut self, mut text: &[u8], until: Instant, wait: &mut Wait<'_>) -> usize {
        while !text.is_empty() && wait(until) {
            match self.write_some(text) {
                Ok(count) => text = text.get(count..).unwrap_or_default(),
                // A terminal with room for one byte is ready, and takes no line end, which needs
                // two. Or another writer was faster.
                Err(Errno::AGAIN) => std::thread::sleep(PAUSE),
                Err(Errno::INTR) => {}
                Err(_) => return 0,
            }
            // Checked here as well, because a descriptor that is always ready, and takes a byte at
            // a time, would go on after `until`.
            if Instant::now() >= until {
                break;
            }
        }
        text.len()
    }

    /// Writes some bytes, in the first way that does not wait on this descriptor.
    fn write_some(&mut self, text: &[u8]) -> Result<usize, Errno> {
        use rustix::net::{SendFlags, send};
        if let Some(own) = &self.own {
            return rustix::io::write(own, text);
        }
        match self.kind {
            Transfer::Socket => return send(stderr(), text, SendFlags::DONTWAIT | SendFlags::NOSIGNAL),
            Transfer::File => return rustix::io::write(stderr(), text),
            Transfer::Stream => {}
        }
        match nowait::write(stderr(), text) {
            Err(Errno::OPNOTSUPP) => {}
            written => return written,
        }
        match nowait::reopen(stderr(), Direction::Out) {
            Ok(own) => rustix::io::write(self.own.insert(own), text),
            // No such way is left. So few bytes do not wait unless another writer was faster.
            Err(_) => rustix::io::write(stderr(), text.get(..PIECE).unwrap_or(text)),
        }
    }
}
