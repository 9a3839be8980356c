//! Owns the lines of a child's output: bytes cut into lines, and the queue in which they wait for a reader, or from
//! which the oldest goes.
//! Refuses to know where the bytes come from, and to hold more of them than a bound while the
//! child lives.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::sync::locks::Mutex;
use crossbeam_channel::{Receiver, Sender, unbounded};

/// How many lines wait for a reader.
pub(crate) const QUEUED: usize = 1024;
/// The longest line, in bytes.
pub(crate) const LONGEST: usize = 4096;
/// How long a full queue is left alone, with nobody taking from it, where a reader may not come.
const PATIENCE: Duration = Duration::from_secs(1);

/// A line of a child's output, without its line feed. Dereferences to its text; `Display` prints that.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// Which line of its stream this is, from 1. Where a number is missing, a line was lost: see
    /// [`ProcessBuilder::lines`](crate::ProcessBuilder::lines).
    pub number: u64,
    /// What it says; bytes that are not UTF-8 are replaced by `U+FFFD`.
    pub text: String,
    /// True for a piece of a line of more than 4,096 bytes that goes on in the next `Line`.
    pub cut: bool,
}

impl Deref for Line {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// The reader's end of a stream. When it is gone, and all copies of its receiver are, nobody will ever read.
#[derive(Debug)]
pub(crate) struct Reader {
    receiver: Receiver<Line>,
    /// Somebody was given the receiver, and is expected to read.
    taken: AtomicBool,
    /// A copy of what has begun and not ended, for who asks.
    begun: Mutex<Vec<u8>>,
}

impl Reader {
    fn new(receiver: Receiver<Line>) -> Arc<Reader> {
        Arc::new(Reader { receiver, taken: AtomicBool::new(false), begun: Mutex::default() })
    }

    /// Of a stream of which there are no lines.
    pub(crate) fn of_nothing() -> Arc<Reader> {
        Reader::new(unbounded().1)
    }

    pub(crate) fn take(&self) -> &Receiver<Line> {
        self.taken.store(true, Ordering::Release);
        &self.receiver
    }

    pub(crate) fn begun(&self) -> String {
        String::from_utf8_lossy(&self.begun.lock()).into_owned()
    }
}

/// One stream of output, on its way from bytes to whoever reads its lines.
///
/// ```text
/// room --(1,024 lines wait)--> full --(a line is taken)--> room
///                               |
///                               +--(lossy)--> the oldest goes for each that comes
/// ```
/// Lossy is a queue that was made so, and one that has been full for a second, with nobody taking, if its receiver was
/// never taken or somebody waits for the child's end.
#[derive(Debug)]
pub(crate) struct Lines {
    /// What has come and is not cut into lines yet, since there is no room for them; from `cut` on.
    rest: Vec<u8>,
    cut: usize,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    queue: Sender<Line>,
    reader: Weak<Reader>,
    /// Kept where the queue was made lossy: to take the oldest out, though all others may have dropped it.
    lossy: Option<Arc<Reader>>,
    full_since: Option<Instant>,
    /// The oldest goes now for each that comes.
    dropping: bool,
    number: u64,
    lost: Arc<AtomicU64>,
}

impl Lines {
    /// What is lost is counted in `lost`.
    pub(crate) fn new(lossy: bool, lost: &Arc<AtomicU64>) -> (Lines, Arc<Reader>) {
        let (queue, receiver) = unbounded();
        let reader = Reader::new(receiver);
        let lines = Lines {
            rest: Vec::new(),
            cut: 0,
            begun: Vec::new(),
            queue,
            reader: Arc::downgrade(&reader),
            lossy: lossy.then(|| Arc::clone(&reader)),
            full_since: None,
            dropping: false,
            number: 0,
            lost: Arc::clone(lost),
        };
        (lines, reader)
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.rest.drain(..self.cut);
        self.cut = 0;
        self.rest.extend_from_slice(bytes);
    }

    /// True if there is something that found no room: it goes first.
    pub(crate) fn is_behind(&self) -> bool {
        self.cut < self.rest.len()
    }

    /// Cuts what has come into lines, as far as there is room for them. `awaited`: somebody waits for the child's end.
    /// Returns how much room there was.
    pub(crate) fn advance(&mut self, awaited: bool) -> usize {
        let found = QUEUED.saturating_sub(self.queue.len());
        if found > 0 {
            self.full_since = None;
        }
        self.dropping = self.is_lossy(awaited);
        let last = self.number + u64::try_from(found).unwrap_or(u64::MAX);
        while self.is_behind() && (self.dropping || self.number < last) {
            self.cut_one();
        }
        if self.queue.len() >= QUEUED {
            self.full_since.get_or_insert_with(Instant::now);
        }
        self.show_begun();
        found
    }

    /// All that has come is put into the queue, and that is all of it. A queue that is not lossy takes it for once,
    /// whatever is in it: at a child's end nobody waits for a reader, and nothing is lost.
    pub(crate) fn finish(mut self, awaited: bool) {
        self.dropping = self.is_lossy(awaited);
        while self.is_behind() {
            self.cut_one();
        }
        if !self.begun.is_empty() {
            self.emit_line();
        }
        self.show_begun();
    }

    fn is_lossy(&self, awaited: bool) -> bool {
        let ignored = || self.full_since.is_some_and(|since| since.elapsed() >= PATIENCE);
        // Not at once: its spawner may be about to ask for it, when the child has printed much already.
        let untaken = || self.reader.upgrade().is_some_and(|reader| !reader.taken.load(Ordering::Acquire));
        self.lossy.is_some() || (ignored() && (awaited || untaken()))
    }

    fn show_begun(&self) {
        let Some(reader) = self.reader.upgrade() else { return };
        let mut shown = reader.begun.lock();
        if *shown != self.begun {
            shown.clone_from(&self.begun);
        }
    }

    /// Takes the bytes up to a line's end, up to the longest piece, or all. A piece is cut off when a byte comes that
    /// belongs to it.
    fn cut_one(&mut self) {
        let rest = self.rest.get(self.cut..).unwrap_or_default();
        let room = LONGEST.saturating_sub(self.begun.len());
        if room == 0 && rest.first() != Some(&b'\n') {
            return self.emit_piece();
        }
        let end = rest.iter().take(room + 1).position(|byte| *byte == b'\n');
        let count = end.unwrap_or(room.min(rest.len()));
        self.begun.extend_from_slice(rest.get(..count).unwrap_or_default());
        self.cut += count + usize::from(end.is_some());
        if end.is_some() {
            self.emit_line();
        }
    }

    fn emit_line(&mut self) {
        if self.begun.last() == Some(&b'\r') {
            self.begun.pop();
        }
        let line = std::mem::take(&mut self.begun);
        self.queue(&line, false);
    }

    /// Not in the middle of a character.
    fn emit_piece(&mut self) {
        let rest = self.begun.split_off(whole_characters(&self.begun));
        let piece = std::mem::replace(&mut self.begun, rest);
        self.queue(&piece, true);
    }

    fn queue(&mut self, text: &[u8], cut: bool) {
        self.number += 1;
        if self.dropping && self.queue.len() >= QUEUED {
            match self.reader.upgrade() {
                // A reader may be faster: then there is room as well.
                Some(reader) if reader.receiver.try_recv().is_err() => {}
                oldest => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    // Only copies of the receiver are left, which are elsewhere: the newest goes.
                    if oldest.is_none() {
                        return;
                    }
                }
            }
        }
        let line = Line { number: self.number, text: String::from_utf8_lossy(text).into_owned(), cut };
        let _nobody_will_ever_read = self.queue.send(line);
    }
}

/// How many of the bytes are before a character that is begun and not ended.
fn whole_characters(bytes: &[u8]) -> usize {
    const CONTINUED: u8 = 0b1000_0000;
    let back = bytes.iter().rev().take(4).position(|byte| byte & 0b1100_0000 != CONTINUED);
    match back.map(|back| bytes.len() - 1 - back) {
        // It is whole, or it is not UTF-8 at all: then it does not matter where it is cut.
        Some(start) if start > 0 && std::str::from_utf8(&bytes[start..]).is_err() => start,
        _ => bytes.len(),
    }
}
