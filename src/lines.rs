//! Owns the lines of a child's output: bytes cut into lines, and the queue from which the oldest goes when nobody reads.
//! Refuses to know where the bytes come from, and to hold more of them than a bound.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// How many lines wait for a reader.
pub(crate) const QUEUED: usize = 1024;
/// The longest line, in bytes.
pub(crate) const LONGEST: usize = 4096;

/// A line of a child's output, without its line feed. Dereferences to its text; `Display` prints that.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// Which line of its stream this is, from 1. Where a number is missing, a line was lost, since nobody had read for long
    /// enough.
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

/// One stream of output, on its way from bytes to whoever reads its lines.
#[derive(Debug)]
pub(crate) struct Lines {
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    queue: Sender<Line>,
    /// The reader's end, so that the oldest can be taken out.
    oldest: Receiver<Line>,
    number: u64,
    lost: Arc<AtomicU64>,
}

impl Lines {
    /// What is lost is counted in `lost`.
    pub(crate) fn new(lost: &Arc<AtomicU64>) -> (Lines, Receiver<Line>) {
        let (queue, oldest) = bounded(QUEUED);
        let reader = oldest.clone();
        (Lines { begun: Vec::new(), queue, oldest, number: 0, lost: Arc::clone(lost) }, reader)
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            self.extend(line);
            if end.is_some() {
                self.emit_line();
            }
            bytes = rest.get(1..).unwrap_or_default();
        }
    }

    /// The stream has ended; a line may have begun.
    pub(crate) fn finish(mut self) {
        if !self.begun.is_empty() {
            self.emit_line();
        }
    }

    fn extend(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.begun.len() == LONGEST {
                self.emit_piece();
            }
            let room = LONGEST - self.begun.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.begun.extend_from_slice(now);
            bytes = later;
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
        let mut line = Line { number: self.number, text: String::from_utf8_lossy(text).into_owned(), cut };
        // Nobody else sends: at the second turn there is room.
        while let Err(TrySendError::Full(back)) = self.queue.try_send(line) {
            line = back;
            if self.oldest.try_recv().is_ok() {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
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
