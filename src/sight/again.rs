//! Owns a second look at the stacks of some threads, with the words that are on them: for locks
//! whose holder no word in memory tells.
//! Refuses to know locks.

use std::time::{Duration, Instant};

use homebound_stacks as machine;
use machine::{NotCaptured, Way};

use crate::outcome::status::stack::Stacks;
use crate::rt::index::Index;
use crate::sight::stacks::{SessionGuard, open};
use crate::sight::waiters::Waiter;
use crate::sys;

/// The longest wait for the answer of one thread that gets a signal.
const ANSWER: Duration = Duration::from_millis(50);

/// The number of bytes of a stack that are searched at a time.
const PIECE: u64 = 64 * 1024;
/// The number of bytes at a time where a stack ends: the smallest page of the machines for which
/// this is compiled.
const PAGE: u64 = 4096;

/// The number of bytes that are searched beyond the copy of a stack whose end is not known:
/// `ulimit -s` is 8 MiB on most systems. Other memory may begin where the stack ends.
const FARTHEST: u64 = 8 * 1024 * 1024;

/// An address on the stack of the looking thread, taken before the look found any lock. The frames
/// of the callers are above it; copies of the addresses that the look searches for are below it,
/// and must not be found.
#[derive(Clone, Copy)]
pub(super) struct Outer(u64);

impl Outer {
    /// `local` is a variable of the function that begins the look.
    pub(super) fn of(local: &u8) -> Outer {
        Outer(std::ptr::from_ref(local).addr() as u64)
    }
}

/// A look at stacks, which has the process's session for itself.
pub(super) struct Again {
    guard: SessionGuard,
    way: Way,
    until: Instant,
    outer: Outer,
}

/// Why a thread has no stack now.
pub(super) enum Unread {
    /// The thread is gone, or about to be, so it holds nothing.
    Gone,
    /// The thread computes, or could not be read.
    Hidden,
}

/// The stack of a thread at one moment.
pub(super) struct Seen<'a> {
    stacks: &'a machine::Stacks,
    stack: machine::Stack,
}

impl Again {
    /// Begins a look, in which no stack is read after `until`. `None` if no stack can be captured.
    pub(super) fn begin(stacks: Stacks, until: Instant, outer: Outer) -> Option<Again> {
        let way = match stacks {
            Stacks::Off => return None,
            Stacks::Asleep => Way::Asleep,
            Stacks::All => Way::Signal,
        };
        let guard = open(until.saturating_duration_since(Instant::now())).ok()?;
        Some(Again { guard, way, until, outer })
    }

    /// Captures the stack of a thread. `None` if there is no time.
    pub(super) fn see(&mut self, os_tid: u32) -> Option<Result<Seen<'_>, Unread>> {
        // `None` and not an error, because a caller that goes by all stacks has to give up then.
        let left = self.until.saturating_duration_since(Instant::now());
        let stacks = &mut self.guard.as_mut().filter(|_| !left.is_zero())?.stacks;
        let tid = i32::try_from(os_tid).ok()?;
        Some(match stacks.capture(tid, self.way, left.min(ANSWER)) {
            Ok(stack) => Ok(Seen { stacks, stack }),
            Err(NotCaptured::Gone | NotCaptured::NoStack) => Err(Unread::Gone),
            Err(_) => Err(Unread::Hidden),
        })
    }

    /// Captures the stack of a thread that waits. `None` if it has gone on since it was seen first.
    pub(super) fn see_waiter(&mut self, waiter: &Waiter) -> Option<Seen<'_>> {
        let seen = self.see(waiter.os_tid)?.ok()?;
        // The first argument of `futex` is the word. The frames alone would also fit a later wait
        // for another lock, by the same function.
        let call = seen.stack.call.map(|call| call.arguments[0]);
        (call == Some(waiter.futex.address) && seen.stack.addresses() == waiter.frames).then_some(seen)
    }

    /// The words among these that are on the stack of the looking thread, above where the look
    /// began. `None` if that stack could not be searched to its end.
    pub(super) fn on_own_stack(&self, wanted: &Index<()>) -> Option<Index<()>> {
        // Aligned, because addresses on a stack are.
        self.upwards(self.outer.0 & !7, sys::stack_end(), wanted)
    }

    /// The words among these in the memory of a stack, from an address to its outer end, upwards,
    /// because stacks grow downwards. `end`: an address near that end, if it is known. `None` if
    /// there was no time, or the end was not found.
    pub(super) fn upwards(&self, from: u64, end: Option<u64>, wanted: &Index<()>) -> Option<Index<()>> {
        let last = end.unwrap_or_else(|| from.saturating_add(FARTHEST));
        let (mut at, mut found) = (from, Index::new());
        while at < last {
            let size = PIECE.min(last - at);
            let length = self.search(at, size, wanted, &mut found)?;
            // The memory behind a stack is not mapped, or may not be read.
            if length < size {
                return Some(found);
            }
            at += length;
        }
        // Without an end the stack may go on.
        end.map(|_| found)
    }

    /// The words among these in the memory of a stack whose thread does not tell where it is,
    /// whether they are in use or left over. `place` is an address near the outer end. `None` if
    /// the stack could not be searched to its inner end.
    pub(super) fn downwards(&self, place: u64, wanted: &Index<()>) -> Option<Index<()>> {
        let outer = place.checked_next_multiple_of(PAGE)?;
        let (mut end, mut size, mut found) = (outer, PIECE, Index::new());
        loop {
            let start = end.checked_sub(size)?;
            // The memory below a stack may not be read. So a piece in which it ends is read anew,
            // page by page, from above.
            match self.search(start, size, wanted, &mut found)? {
                length if length == size => end = start,
                _ if size == PAGE => break,
                _ => size = PAGE,
            }
        }
        // At least the page of `place` may be read, if any memory may.
        (end < outer).then_some(found)
    }

    /// Adds the words among these to `found` that are in this memory. Returns the number of bytes
    /// that could be read; `None` if there is no time.
    fn search(&self, from: u64, size: u64, wanted: &Index<()>, found: &mut Index<()>) -> Option<u64> {
        if Instant::now() >= self.until {
            return None;
        }
        let words = sys::long_words_from(from, usize::try_from(size).ok()?);
        let length = 8 * words.len() as u64;
        found.extend(words.into_iter().filter(|word| wanted.contains(*word)).map(|word| (word, ())));
        Some(length)
    }
}

impl Seen<'_> {
    /// The words on the stack, from the innermost frame to this one and with it.
    pub(super) fn words_to(&self, place: usize) -> impl Iterator<Item = u64> + '_ {
        // The memory of a frame ends where the frame further out begins.
        self.stacks.words(self.at(0)..self.at(place + 1))
    }

    /// All words on the stack that were copied.
    pub(super) fn words(&self) -> impl Iterator<Item = u64> + '_ {
        let frames = self.stack.addresses().len();
        // Where the outermost frame ends, nothing tells, so that frame is left out. A stack that is
        // cut goes on, and a signal handler may have a stack of its own, which is anywhere: then
        // all of the copy counts.
        let is_one =
            self.stack.cut.is_none() && self.stack.frames().is_sorted_by_key(|frame| frame.stack_pointer);
        let whole = [self.at(0)..self.at(frames.saturating_sub(1)), 0..0];
        let pieces = if is_one { whole } else { self.stacks.copied() };
        pieces.into_iter().flat_map(|piece| self.stacks.words(piece))
    }

    /// Where the memory of the stack is that was not copied: between the pieces of the copy, in a
    /// frame that is larger than a copy, and behind them, if the stack is cut. The end of the last
    /// is not known.
    pub(super) fn rest(&self) -> [Option<(u64, Option<u64>)>; 2] {
        let [first, second] = self.stacks.copied();
        let gap = (first.end < second.start).then_some((first.end & !7, Some(second.start)));
        let last = if second.is_empty() { first } else { second };
        [gap, self.stack.cut.map(|_| (last.end & !7, None))]
    }

    /// The lower end of the memory of a frame.
    fn at(&self, place: usize) -> u64 {
        self.stack.frames().nth(place).map_or(0, |frame| frame.stack_pointer)
    }
}
