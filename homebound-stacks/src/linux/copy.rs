//! Owns the copy of one stack: its room, which is made once, and the addresses of what is in it.
//! Refuses to know whether the copy is of one moment.

use std::ops::Range;

use crate::linux::walk::Registers;
use crate::linux::walk::memory::{Piece, Read, View};
use crate::stack::Call;

/// How much of a stack is copied first, and how much if that did not reach its end. Most stacks are
/// less deep than the first: a copy takes the longer the larger it is.
pub(crate) const COPIES: [usize; 2] = [16 * 1024, 1024 * 1024];

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

    /// Room for each of the pieces. Nothing counts as copied until `hold`.
    pub(crate) fn room(&mut self) -> (&mut [u8], &mut [u8]) {
        self.pieces = [(0, 0); 2];
        self.room.split_at_mut(COPIES[1])
    }

    /// From now on the room holds these addresses and lengths.
    pub(crate) fn hold(&mut self, pieces: [(u64, usize); 2]) {
        self.pieces = pieces;
    }

    /// What was copied, and `read` for everything else.
    pub(crate) fn view<'a>(&'a self, read: &'a Read<'a>) -> View<'a> {
        let (first, second) = self.room.split_at(COPIES[1]);
        let piece = |room: &'a [u8], (from, length): (u64, usize)| -> Piece<'a> { (from, &room[..length]) };
        View { stack: [piece(first, self.pieces[0]), piece(second, self.pieces[1])], read }
    }

    /// The words between two addresses, as far as they were copied.
    pub(crate) fn words(&self, addresses: Range<u64>) -> impl Iterator<Item = u64> + '_ {
        let view = self.view(&|_, _| 0);
        let start = addresses.start.checked_next_multiple_of(8).unwrap_or(u64::MAX);
        // No copy is longer, so a mad range ends as well.
        let most = self.room.len() / 8;
        (start..addresses.end).step_by(8).take(most).filter_map(move |at| view.on_stack(at))
    }
}

/// A thread at one moment. Its stack is in the session's copy.
pub(crate) struct Moment {
    pub(crate) call: Option<Call>,
    pub(crate) registers: Registers,
    /// The addresses of the two pieces of the copy, and their lengths.
    pub(crate) pieces: [(u64, usize); 2],
}
