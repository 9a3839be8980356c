//! Owns the place of a second look at stacks where none can be captured: without the feature
//! `stacks`, and on other systems than Linux.
//! Refuses to begin a look.

use std::convert::Infallible;
use std::time::Instant;

use crate::outcome::status::stack::Stacks;
use crate::rt::index::Index;
use crate::sight::waiters::Waiter;

/// The place at which a look begins: not needed.
#[derive(Clone, Copy)]
pub(super) struct Outer;

impl Outer {
    pub(super) fn of(_local: &u8) -> Outer {
        Outer
    }
}

/// A look at stacks: there is none.
pub(super) struct Again(Infallible);

/// Why a thread has no stack now.
#[expect(dead_code, reason = "no stack is asked for")]
pub(super) enum Unread {
    Gone,
    Hidden,
}

/// The stack of a thread: there is none.
pub(super) struct Seen(Infallible);

impl Again {
    pub(super) fn begin(_stacks: Stacks, _until: Instant, _outer: Outer) -> Option<Again> {
        None
    }

    pub(super) fn see(&mut self, _os_tid: u32) -> Option<Result<Seen, Unread>> {
        match self.0 {}
    }

    pub(super) fn see_waiter(&mut self, _waiter: &Waiter) -> Option<Seen> {
        match self.0 {}
    }

    pub(super) fn on_own_stack(&self, _wanted: &Index<()>) -> Option<Index<()>> {
        match self.0 {}
    }

    pub(super) fn upwards(&self, _from: u64, _end: Option<u64>, _wanted: &Index<()>) -> Option<Index<()>> {
        match self.0 {}
    }

    pub(super) fn downwards(&self, _place: u64, _wanted: &Index<()>) -> Option<Index<()>> {
        match self.0 {}
    }
}

impl Seen {
    pub(super) fn words_to(&self, _place: usize) -> std::vec::IntoIter<u64> {
        match self.0 {}
    }

    pub(super) fn words(&self) -> std::vec::IntoIter<u64> {
        match self.0 {}
    }

    pub(super) fn rest(&self) -> [Option<(u64, Option<u64>)>; 2] {
        match self.0 {}
    }
}
