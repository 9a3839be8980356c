//! Owns the copy of one stack (its room, which is made once, and the addresses of the copied
//! bytes), and the check that the copy of a sleeping thread shows one moment.
//! Refuses to walk.

use std::ops::Range;
use std::sync::atomic::{Ordering, fence};
use std::time::Instant;

use crate::linux::kernel::{Asleep, File, TurnFile, Turns};
use crate::linux::sys::memory;
use crate::linux::walk::Registers;
use crate::linux::walk::arch::HOST;
use crate::linux::walk::memory::{Piece, Read, View};
use crate::stack::{Call, NotCaptured};

/// How much of a stack is copied first, and how much if that did not reach its end. Most stacks are
/// less deep than the first: a copy takes the longer the larger it is.
pub(crate) const COPIES: [usize; 2] = [16 * 1024, 1024 * 1024];

/// How often a thread that moved while it was read is read again.
const TRIES: usize = 3;

/// How much is copied of the stack on which a thread was when a signal moved it to another.
const SECOND: usize = 64 * 1024;

/// A stack in two pieces: see [`View`].
pub(crate) struct StackCopy {
    /// Room for both pieces.
    room: Vec<u8>,
    /// The address and the length of each piece.
    pieces: [(u64, usize); 2],
}

impl StackCopy {
    pub(crate) fn new() -> StackCopy {
        StackCopy { room: vec![0; COPIES[1] + SECOND], pieces: [(0, 0); 2] }
    }

    /// Copies the stack of a sleeping thread as it is at one moment: `size` bytes from the stack
    /// pointer on and, if `elsewhere` is an address, up to `SECOND` bytes from that address on.
    /// `begun` has the turns that were last read from `turns`.
    pub(crate) fn of_one_moment(
        &mut self,
        calls: &File,
        turns: &TurnFile,
        begun: &mut Turns,
        (size, elsewhere): (usize, Option<u64>),
        end: Instant,
    ) -> Result<Moment, NotCaptured> {
        let refused = |errno| NotCaptured::Memory { errno };
        for _ in 0..TRIES {
            // 1. Note how often the thread was put on a processor until now.
            let before = *begun;
            // 2. The thread must be off the processor. Read its system call and its registers.
            let Some(Asleep { call, registers }) = calls.asleep(&HOST)? else {
                return Err(NotCaptured::Running);
            };
            // 3. Copy its stack.
            let from = registers.stack_pointer().unwrap_or(0);
            let (first, second) = self.room();
            let length = memory::copy(from, &mut first[..size]).map_err(refused)?;
            let more = elsewhere.map(|at| memory::copy(at, second).map(|length| (at, length)));
            let more = more.transpose().map_err(refused)?.unwrap_or((0, 0));
            // Orders the reads of the copy before the reads that the kernel makes for 4.
            fence(Ordering::SeqCst);
            // 4. If the thread was put on no processor since 1, it was off from 2 on, so the copy
            //    shows one moment. A kernel that counts turns when they are over has not counted a
            //    turn that still goes on, so there the thread must be off again.
            let is_off = match before {
                Turns::Begun(_) => true,
                Turns::Over(_) => calls.asleep(&HOST)?.is_some(),
            };
            *begun = turns.read()?;
            if is_off && *begun == before {
                return Ok(Moment { call, registers, pieces: [(from, length), more] });
            }
            if Instant::now() >= end {
                return Err(NotCaptured::TooLate);
            }
        }
        Err(NotCaptured::Running)
    }

    /// Returns the room for each piece, to be written to, and forgets the addresses of the last
    /// copy, so that `view` and `words` see no copied byte until the caller calls `hold`.
    pub(crate) fn room(&mut self) -> (&mut [u8], &mut [u8]) {
        self.pieces = [(0, 0); 2];
        self.room.split_at_mut(COPIES[1])
    }

    /// Sets the addresses and lengths of the pieces that the caller has written to the room.
    pub(crate) fn hold(&mut self, pieces: [(u64, usize); 2]) {
        self.pieces = pieces;
    }

    /// The addresses of both pieces.
    pub(crate) fn addresses(&self) -> [Range<u64>; 2] {
        self.pieces.map(|(from, length)| from..from.saturating_add(length as u64))
    }

    /// Returns a view of the memory: the copied bytes, and `read` for all other addresses.
    pub(crate) fn view<'a>(&'a self, read: &'a Read<'a>) -> View<'a> {
        let (first, second) = self.room.split_at(COPIES[1]);
        let piece = |room: &'a [u8], (from, length): (u64, usize)| -> Piece<'a> { (from, &room[..length]) };
        View { stack: [piece(first, self.pieces[0]), piece(second, self.pieces[1])], read }
    }

    /// The words between two addresses, as far as they were copied.
    pub(crate) fn words(&self, addresses: Range<u64>) -> impl Iterator<Item = u64> + '_ {
        let view = self.view(&|_, _| 0);
        // Piece by piece: the range may be far longer than the copy.
        self.addresses().into_iter().flat_map(move |piece| {
            let start = piece.start.max(addresses.start).checked_next_multiple_of(8).unwrap_or(u64::MAX);
            let end = piece.end.min(addresses.end);
            (start..end).step_by(8).filter_map(move |at| view.on_stack(at))
        })
    }
}

/// A thread at one moment. Its stack is in the session's copy.
pub(crate) struct Moment {
    pub(crate) call: Option<Call>,
    pub(crate) registers: Registers,
    /// The addresses of the two pieces of the copy, and their lengths.
    pub(crate) pieces: [(u64, usize); 2],
}
