//! Owns the interface where no stack can be captured, so that a program compiles everywhere.
//! Refuses each capture.

use std::convert::Infallible;
use std::ops::Range;
use std::time::{Duration, Instant};
use std::{fmt, io};

use crate::place::{Line, Place, Reading, Unread};
use crate::stack::{Frame, NotCaptured, Stack, Way};

/// Captures stacks on Linux; on this system there is no value of this type.
#[derive(Debug)]
pub struct Stacks(Infallible);

#[expect(missing_docs, clippy::missing_errors_doc, reason = "they are documented where they can be called")]
impl Stacks {
    pub fn new() -> Result<Stacks, NotCaptured> {
        Err(NotCaptured::Unsupported)
    }

    #[must_use]
    pub fn signal(self, _number: i32) -> Stacks {
        match self.0 {}
    }

    #[must_use]
    pub fn frozen(self) -> Stacks {
        match self.0 {}
    }

    pub fn renew(&mut self) -> Result<(), NotCaptured> {
        match self.0 {}
    }

    pub fn capture(&mut self, _tid: i32, _way: Way, _within: Duration) -> Result<Stack, NotCaptured> {
        match self.0 {}
    }

    pub fn words(&self, _addresses: Range<u64>) -> impl Iterator<Item = u64> + '_ {
        match self.0 {}
        #[expect(unreachable_code, reason = "it gives the type")]
        std::iter::empty()
    }

    #[must_use]
    pub fn copied(&self) -> [Range<u64>; 2] {
        match self.0 {}
    }

    #[must_use]
    pub fn module(&self, _address: u64) -> Option<(&str, u64)> {
        match self.0 {}
    }

    #[must_use]
    pub fn names(&self, _stacks: &[Stack]) -> Names {
        match self.0 {}
    }

    #[must_use]
    pub fn modules(&self) -> Modules {
        match self.0 {}
    }
}

/// The modules of a process; on this system there is no value of this type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modules(Infallible);

#[expect(missing_docs, reason = "they are documented where they can be called")]
impl Modules {
    #[must_use]
    pub fn names(&self, _frames: impl IntoIterator<Item = Frame>, _reading: Reading) -> Names {
        match self.0 {}
    }
}

/// The names of the functions in some stacks; on this system there is no value of this type.
#[derive(Clone, Debug)]
pub struct Names(Infallible);

#[expect(missing_docs, reason = "they are documented where they can be called")]
impl Names {
    #[must_use]
    pub fn folding(self, _prefix: &str) -> Names {
        match self.0 {}
    }

    #[must_use]
    pub fn function(&self, _frame: &Frame) -> Option<&str> {
        match self.0 {}
    }

    #[must_use]
    pub fn place(&self, _frame: &Frame) -> Option<&Place> {
        match self.0 {}
    }

    #[must_use]
    pub fn with_lines(self, _until: Option<Instant>) -> Names {
        match self.0 {}
    }

    #[must_use]
    pub fn line(&self, _frame: &Frame) -> Option<&Line> {
        match self.0 {}
    }

    #[must_use]
    pub fn unread(&self) -> &[Unread] {
        match self.0 {}
    }

    #[must_use]
    pub fn is_folded(&self, _frame: &Frame) -> bool {
        match self.0 {}
    }

    #[must_use]
    pub fn show<'a>(&'a self, stack: &'a Stack) -> Shown<'a> {
        Shown { names: self, _stack: stack }
    }
}

/// A stack with its names; on this system there is no value of this type.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    names: &'a Names,
    _stack: &'a Stack,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.names.0 {}
    }
}

/// A free real-time signal: on this system `None`.
#[must_use]
pub fn free_signal() -> Option<i32> {
    None
}

/// The calling thread, as the kernel counts it: on this system 0.
#[must_use]
pub fn thread_id() -> i32 {
    0
}

/// All threads of this process, as the kernel counts them.
///
/// # Errors
///
/// On this system always.
pub fn threads() -> io::Result<Vec<i32>> {
    Err(io::ErrorKind::Unsupported.into())
}
