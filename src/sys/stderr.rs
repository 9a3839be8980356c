//! Owns last words: writing to descriptor 2 without std's lock, which a stuck thread may hold, and with an end.
//! Refuses to know what is said, to allocate, and to wait for a reader for longer than it was told.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::stdio::stderr;

use super::fd::{Kind, kind, wait_for};
use super::nowait::{self, Direction};

/// How long the note may take that says how much is missing.
const NOTE: Duration = Duration::from_millis(100);
/// The pause after a write that could take nothing though the descriptor was ready.
const PAUSE: Duration = Duration::from_millis(1);
/// What a pipe takes at once when it is ready, if nobody else writes to it: POSIX's least.
const PIECE: usize = 512;

/// Writes what can be written within `patience`. What nobody reads in that time is cut, and a last line says how much is missing,
/// unless nothing is read at all. Returns how many bytes are missing; none of a text that
/// cannot be written at all.
pub fn write_stderr(text: &[u8], patience: Duration) -> usize {
    super::mask::without_broken_pipes(|| write_to_its_end(text, patience))
}

fn write_to_its_end(text: &[u8], patience: Duration) -> usize {
    let mut out = Out { kind: kind(stderr()), own: None };
    let left = out.write(text, Instant::now() + patience);
    if left == 0 {
        return 0;
    }
    let mut note = [0_u8; 80];
    let mut rest = &mut note[..];
    let _fits = writeln!(rest, "\n[homebound: {left} bytes are missing here: stderr was not read in time]");
    let unused = rest.len();
    let note = note.get(..note.len() - unused).unwrap_or_default();
    out.write(note, Instant::now() + NOTE);
    left
}

/// The way out of last words.
struct Out {
    kind: Kind,
    /// A description that does not block, for what cannot be written to without waiting otherwise.
    own: Option<OwnedFd>,
}

impl Out {
    /// Returns how much has not been written by `until`; nothing is left of a text that cannot be written at all.
    fn write(&mut self, mut text: &[u8], until: Instant) -> usize {
        while !text.is_empty() && wait_for(stderr(), Direction::Out, Some(until)).unwrap_or(false) {
            match self.write_some(text) {
                Ok(count) => text = text.get(count..).unwrap_or_default(),
                // A terminal with room for one byte is ready, and takes no line end, which is two. Another writer was faster.
                Err(Errno::AGAIN) => std::thread::sleep(PAUSE),
                Err(Errno::INTR) => {}
                Err(_) => return 0,
            }
            // What is always ready, and takes a byte at a time, has an end as well.
            if Instant::now() >= until {
                break;
            }
        }
        text.len()
    }

    fn write_some(&mut self, text: &[u8]) -> Result<usize, Errno> {
        use rustix::net::{SendFlags, send};
        if let Some(own) = &self.own {
            return rustix::io::write(own, text);
        }
        match self.kind {
            Kind::Socket => return send(stderr(), text, SendFlags::DONTWAIT | SendFlags::NOSIGNAL),
            Kind::File => return rustix::io::write(stderr(), text),
            Kind::Stream => {}
        }
        match nowait::write(stderr(), text) {
            Err(Errno::OPNOTSUPP) => {}
            written => return written,
        }
        match nowait::reopen(stderr(), Direction::Out) {
            Ok(own) => rustix::io::write(self.own.insert(own), text),
            Err(_) => rustix::io::write(stderr(), text.get(..PIECE).unwrap_or(text)),
        }
    }
}
