//! Owns the lines of a child's output: bytes are cut into lines, and the lines wait in a queue for
//! a reader.
//! Refuses to know the pipe, and to hold more than a bound while the child lives: `output` reads
//! only when this file has room, unless the oldest lines may go.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::sync::locks::Mutex;
use crossbeam_channel::{Receiver, Sender, unbounded};

/// Number of lines of a stream that wait for a reader at most, while the child lives.
pub(crate) const QUEUED: usize = 1024;
/// The longest line, in bytes.
pub(crate) const LONGEST: usize = 4096;
/// Time that a queue may be full, with no line taken from it, before its oldest lines go. So a
/// reader that comes a little late loses nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// A line of a child's output, without its line feed (`\n`, or `\r\n`). Dereferences to its text,
/// which `Display` prints.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// The number of the line in its stream, counted from 1; each piece of a long line has a number
    /// of its own. Where a number is missing, a line was lost: see
    /// [`ProcessBuilder::lines`](crate::ProcessBuilder::lines).
    pub number: u64,
    /// The text. Bytes that are not UTF-8 are replaced by `U+FFFD`.
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

/// The reader's end of a stream, owned by the `Process` handle. When it and all copies of its
/// receiver are gone, no line can be read any more.
#[derive(Debug)]
pub(crate) struct LineReader {
    receiver: Receiver<Line>,
    /// True once `take` was called: its caller is expected to read.
    taken: AtomicBool,
    /// A copy of `LineQueue::begun`: the line that has begun and not ended, for `stdout_partial`.
    begun: Mutex<Vec<u8>>,
}

impl LineReader {
    fn new(receiver: Receiver<Line>) -> Arc<LineReader> {
        Arc::new(LineReader { receiver, taken: AtomicBool::new(false), begun: Mutex::default() })
    }

    /// The reader of a stream that is not read as lines. Its receiver is disconnected.
    pub(crate) fn of_nothing() -> Arc<LineReader> {
        LineReader::new(unbounded().1)
    }

    /// The receiver. From here on the child waits for this reader.
    pub(crate) fn take(&self) -> &Receiver<Line> {
        // Pairs with the load in `is_lossy`.
        self.taken.store(true, Ordering::Release);
        &self.receiver
    }

    /// Calls `look` while no line is being cut. Waits as `begun` does.
    pub(crate) fn settled<R>(&self, look: impl FnOnce() -> R) -> R {
        let _between_two_turns = self.begun.lock();
        look()
    }

    /// The beginning of the line that has not ended. Waits while the child's thread cuts lines, at
    /// most [`QUEUED`] of them.
    pub(crate) fn begun(&self) -> String {
        String::from_utf8_lossy(&self.begun.lock()).into_owned()
    }
}

/// One stream of output, on its way from bytes to lines in the reader's queue.
///
/// ```text
/// room --(1,024 lines wait)--> full --(a line is taken)--> room
///                               |
///                               +--(lossy)--> for each new line, the oldest line goes
/// ```
///
/// A queue is lossy if the builder made it so (`lines_lossy`). It is lossy as well if it has been
/// full for a second with no line taken, and either its receiver was never taken, or the child's
/// end is awaited.
#[derive(Debug)]
pub(crate) struct LineQueue {
    /// The bytes of `push`. From `cut` on they are not cut into lines yet, because the queue had no
    /// room.
    rest: Vec<u8>,
    /// Number of bytes of `rest` that are cut into lines already.
    cut: usize,
    /// The beginning of a line whose end has not come; at most [`LONGEST`] bytes.
    begun: Vec<u8>,
    /// Unbounded, because `finish` goes beyond [`QUEUED`]; `advance` keeps the bound.
    queue: Sender<Line>,
    /// Weak, so that the reader ends with the handle, and lines that no reader can get are not
    /// kept.
    reader: Weak<LineReader>,
    /// Some if the builder made the queue lossy. Strong, so that the oldest lines can still be
    /// taken out when the handle is gone and a copy of the receiver is not.
    lossy: Option<Arc<LineReader>>,
    /// Since when `advance` has found the queue full each time; `None` while it has room.
    full_since: Option<Instant>,
    /// True while the oldest line goes for each new one. Decided by each `advance` and by `finish`.
    dropping: bool,
    /// Number of the last line that was cut, lost or not.
    number: u64,
    /// Number of lines that were lost, of both streams: `ChildState::lost`.
    lost: Arc<AtomicU64>,
}

impl LineQueue {
    /// Makes the two ends of a stream. Lost lines are added to `lost`.
    pub(crate) fn new(lossy: bool, lost: &Arc<AtomicU64>) -> (LineQueue, Arc<LineReader>) {
        let (queue, receiver) = unbounded();
        let reader = LineReader::new(receiver);
        let lines = LineQueue {
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

    /// Adds bytes. They become lines in `advance` and `finish`.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.rest.drain(..self.cut);
        self.cut = 0;
        self.rest.extend_from_slice(bytes);
    }

    /// True if bytes are left that found no room. They must be cut before more are read.
    pub(crate) fn is_behind(&self) -> bool {
        self.cut < self.rest.len()
    }

    /// Cuts bytes into lines, as long as the queue has room. `awaited` is true if the child's end
    /// is awaited. Returns the room that the queue had, in lines.
    pub(crate) fn advance(&mut self, awaited: bool) -> usize {
        let found = QUEUED.saturating_sub(self.queue.len());
        if found > 0 {
            // A queue that was full has room again: a reader is there.
            self.full_since = None;
        }
        self.dropping = self.is_lossy(awaited);
        let last = self.number + u64::try_from(found).unwrap_or(u64::MAX);
        // No longer than the room that was found, so that a fast reader cannot hold the child's
        // thread here: it has a stop to look for.
        self.with_view_locked(|lines| {
            while lines.is_behind() && (lines.dropping || lines.number < last) {
                lines.cut_one();
            }
        });
        if self.queue.len() >= QUEUED {
            // From room to full. A queue that was full before keeps its earlier instant.
            self.full_since.get_or_insert_with(Instant::now);
        }
        found
    }

    /// Puts all bytes into the queue, as the last of the stream. A queue that is not lossy takes
    /// them beyond its bound, so that no line is lost, and the end of the child waits for no
    /// reader.
    pub(crate) fn finish(mut self, awaited: bool) {
        self.dropping = self.is_lossy(awaited);
        self.with_view_locked(|lines| {
            while lines.is_behind() {
                lines.cut_one();
            }
            // The last line may have no line feed.
            if !lines.begun.is_empty() {
                lines.emit_line();
            }
        });
    }

    /// True if the oldest lines may go: see the type.
    fn is_lossy(&self, awaited: bool) -> bool {
        let ignored = || self.full_since.is_some_and(|since| since.elapsed() >= PATIENCE);
        // Counts only with `ignored`, because the spawner may be about to take the receiver of a
        // child that has already printed a lot. Pairs with `take`.
        let untaken = || self.reader.upgrade().is_some_and(|reader| !reader.taken.load(Ordering::Acquire));
        self.lossy.is_some() || (ignored() && (awaited || untaken()))
    }

    /// Calls `cut`, and then copies the unfinished line to where the reader can see it. The lock is
    /// held from the first cut to the copy, so that a reader never sees a line in its queue and as
    /// unfinished text at once, nor a text in neither place.
    fn with_view_locked(&mut self, cut: impl FnOnce(&mut LineQueue)) {
        let Some(reader) = self.reader.upgrade() else { return cut(self) };
        let mut shown = reader.begun.lock();
        cut(self);
        // Most turns end with the same unfinished line, often with none.
        if *shown != self.begun {
            shown.clone_from(&self.begun);
        }
    }

    /// Takes bytes up to the end of a line, up to the longest piece, or all. A full piece is cut
    /// off only when another byte of its line comes, so that a line of exactly that length is not
    /// cut.
    fn cut_one(&mut self) {
        let rest = self.rest.get(self.cut..).unwrap_or_default();
        let room = LONGEST.saturating_sub(self.begun.len());
        if room == 0 && rest.first() != Some(&b'\n') {
            return self.emit_piece();
        }
        // One byte more than fits, because a line feed needs no room.
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

    /// Cuts off a piece of a long line, between two characters: the bytes of a character that is
    /// not whole begin the next piece.
    fn emit_piece(&mut self) {
        let rest = self.begun.split_off(whole_characters(&self.begun));
        let piece = std::mem::replace(&mut self.begun, rest);
        self.queue(&piece, true);
    }

    /// Numbers a line and puts it into the queue. A full queue that is dropping loses a line first.
    fn queue(&mut self, text: &[u8], cut: bool) {
        self.number += 1;
        if self.dropping && self.queue.len() >= QUEUED {
            match self.reader.upgrade() {
                // The queue is empty by now, since a reader was faster: no line is lost.
                Some(reader) if reader.receiver.try_recv().is_err() => {}
                oldest => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    // The handle is gone, and with it our way to the oldest line. Copies of the
                    // receiver may live, so the bound must hold: the newest line goes.
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

/// Number of bytes before a last character that is not whole; all bytes if there is none.
fn whole_characters(bytes: &[u8]) -> usize {
    // The two highest bits of every byte of a character but its first.
    const CONTINUED: u8 = 0b1000_0000;
    let back = bytes.iter().rev().take(4).position(|byte| byte & 0b1100_0000 != CONTINUED);
    match back.map(|back| bytes.len() - 1 - back) {
        // Without this case the last character is whole, or the bytes are not UTF-8, and any place
        // is as good.
        Some(start) if start > 0 && std::str::from_utf8(&bytes[start..]).is_err() => start,
        _ => bytes.len(),
    }
}
