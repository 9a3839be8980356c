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

/// The number of bytes that are searched of a stack that is not captured.
const MOST: usize = 256 * 1024;
/// The number of bytes that are read at once in that search: a page or more.
const PIECE: u64 = 16 * 1024;

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
    /// began.
    pub(super) fn on_own_stack(&self, wanted: &Index<()>) -> Index<()> {
        // Upwards, because stacks grow downwards. Aligned, because addresses on a stack are.
        let words = sys::long_words_from(self.outer.0 & !7, MOST);
        words.into_iter().filter(|word| wanted.contains(*word)).collect()
    }

    /// The words among these in the memory of a stack whose thread does not tell where it is,
    /// whether they are in use or left over. `place` is an address near the outer end.
    pub(super) fn near(&self, place: u64, wanted: &Index<()>) -> Index<()> {
        let mut start = place & !(PIECE - 1);
        let mut found: Vec<u64> = sys::long_words_from(start, PIECE as usize);
        // Downwards, to the end of the stack, below which nothing is mapped.
        while place.saturating_sub(start) < MOST as u64 {
            // A piece whose lowest page is not mapped reads as empty, and ends the search as well.
            start = start.saturating_sub(PIECE);
            let piece = sys::long_words_from(start, PIECE as usize);
            if piece.is_empty() {
                break;
            }
            found.extend(piece);
        }
        found.into_iter().filter(|word| wanted.contains(*word)).collect()
    }
}

impl Seen<'_> {
    /// The words on the stack, from the innermost frame to this one and with it. `None`: of all
    /// frames.
    pub(super) fn words(&self, to: Option<usize>) -> impl Iterator<Item = u64> + '_ {
        let at = |place: usize| self.stack.frames().nth(place).map_or(0, |frame| frame.stack_pointer);
        // The memory of a frame ends where the frame further out begins, hence `place + 1`. Where
        // the outermost frame ends, nothing tells, so that frame is left out.
        let from = at(0);
        let end = match to {
            Some(place) => at(place + 1),
            // A stack that is cut goes on, and nobody knows how far.
            None if self.stack.cut.is_some() => u64::MAX,
            None => at(self.stack.addresses().len().saturating_sub(1)),
        };
        self.stacks.words(from..end)
    }
}
